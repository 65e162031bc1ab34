/** Results and variants as host functions give them. */
import type { Variant } from './codec-variants.ts';

export type { Variant };

/** The good end of a function that answers a `result`. */
export function ok(value?: unknown): Variant {
  return { tag: 0, value };
}

/** The other end. */
export function failed(error?: unknown): Variant {
  return { tag: 1, value: error };
}
