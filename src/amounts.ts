/** Amounts as sentences for people have them: exact, in the largest unit that is whole. Pure. */

const byteUnits = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const;

/** `1, "request"` → `1 request`; `2, "request"` → `2 requests`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** `134217728` → `128 MiB`; `134217729` → `134217729 bytes`: never rounded. */
export function inBytes(bytes: number): string {
  for (const [name, size] of byteUnits) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${name}`;
  }
  return `${bytes} bytes`;
}
