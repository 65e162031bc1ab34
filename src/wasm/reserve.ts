/** Names the guest cannot have taken: chosen after looking, never found by prefix later. */

/** A name beginning with `wanted` that is not in `taken`. */
export function reserveName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number++) {
    const name = `${wanted}#${number}`;
    if (!taken.has(name)) return name;
  }
}
