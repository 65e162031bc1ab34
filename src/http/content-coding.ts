/** Codings of content that clients take (RFC 9110, sections 8.4 and 12.5.3). Pure. */

/** What we send, the best first: `zstd` is as small as `br` and takes far less to make. */
export const contentCodings = ['zstd', 'br', 'gzip'] as const;
export type ContentCoding = (typeof contentCodings)[number];

/** What stands for a coding in names of files (`app.js.zst`) and in ETags. */
export const codingSuffixes: Readonly<Record<ContentCoding, string>> = {
  zstd: 'zst',
  br: 'br',
  gzip: 'gz',
};

/** More than any client names; the rest is passed over. */
const itemsMax = 32;
const weightPattern = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/**
 * The codings that a client takes, what it likes best first; where it likes some equally, ours
 * decides, in whatever order it names them. Empty: as it is.
 *
 * @param header The value of Accept-Encoding.
 */
export function acceptedCodings(header: string): readonly ContentCoding[] {
  const weights = new Map<string, number>();
  for (const item of header.split(',', itemsMax)) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
    const weight = weightOf(parameters);
    if (weight !== undefined) weights.set(nameOf(name.toLowerCase()), weight);
  }
  const others = weights.get('*') ?? 0;
  const weightOfCoding = (coding: ContentCoding): number => weights.get(coding) ?? others;
  // Sorting keeps the order of equals.
  return contentCodings
    .filter((coding) => weightOfCoding(coding) > 0)
    .sort((one, other) => weightOfCoding(other) - weightOfCoding(one));
}

/** `x-gzip` is the same (section 8.4.1.3). */
function nameOf(name: string): string {
  return name === 'x-gzip' ? 'gzip' : name;
}

/** Undefined for what is no weight: the item is passed over. */
function weightOf(parameters: readonly string[]): number | undefined {
  if (parameters.length === 0) return 1;
  const weight = weightPattern.exec(parameters[0] ?? '')?.[1];
  return weight === undefined ? undefined : Number(weight);
}
