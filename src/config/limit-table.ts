/** How a room writes its limits down: one row each, collected by `config.ts`. */

/** What a limit bounds, in words, and the values it may have. */
export interface LimitRow {
  readonly summary: string;
  /** Default 1: nothing works with a limit of nothing. */
  readonly min?: number;
  readonly max?: number;
}

/** By name, which ends in its unit, or is a count. */
export type LimitTable = Readonly<Record<string, LimitRow & { readonly fallback: number }>>;

/** The defaults of a table. */
export function fallbacksOf<T extends LimitTable>(
  table: T,
): { readonly [Name in keyof T]: number } {
  const entries = Object.entries(table).map(([name, { fallback }]) => [name, fallback]);
  return Object.fromEntries(entries) as { readonly [Name in keyof T]: number };
}
