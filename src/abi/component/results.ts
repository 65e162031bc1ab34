/** Results and variants as host functions give them. */
import type { RunEnd } from '../abi.ts';
import type { Variant } from './codec-variants.ts';

export type { Variant };

/** Whether a run ended as it should: only then what it has answered is whole. */
export function isGoodEnd(end: RunEnd): boolean {
  return end.kind === 'returned' || (end.kind === 'exited' && end.exitCode === 0);
}

/** The good end of a function that answers a `result`. */
export function ok(value?: unknown): Variant {
  return { tag: 0, value };
}

/** The other end. */
export function failed(error?: unknown): Variant {
  return { tag: 1, value: error };
}
