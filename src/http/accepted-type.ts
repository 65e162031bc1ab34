/** Which of a few media types a client asks for by name (RFC 9110, section 12.5.1). Pure. */

/** More than any client names; the rest is passed over. */
const itemsMax = 32;
const weightPattern = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/**
 * The one of `types` that the client likes best, the first of those it likes equally; undefined
 * where it names none of them. Ranges such as `text/*` name nothing.
 *
 * @param header The value of Accept.
 */
export function acceptedType<Type extends string>(
  header: string,
  types: readonly Type[],
): Type | undefined {
  let best: Type | undefined;
  let bestWeight = 0;
  for (const item of header.split(',', itemsMax)) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const type = types.find((each) => each === name);
    const weight = weightOf(parameters);
    if (type === undefined || weight === 0) continue;
    const isEarlier = best !== undefined && types.indexOf(type) < types.indexOf(best);
    if (weight > bestWeight || (weight === bestWeight && isEarlier)) {
      best = type;
      bestWeight = weight;
    }
  }
  return best;
}

function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const weight = weightPattern.exec(parameter)?.[1];
    if (weight !== undefined) return Number(weight);
  }
  return 1;
}
