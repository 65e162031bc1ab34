const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** IPv4 clients of a dual-stack socket arrive as `::ffff:a.b.c.d`; proxies write it, too. Pure. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return mapped.exec(address)?.[1] ?? address;
}
