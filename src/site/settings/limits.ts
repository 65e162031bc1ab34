/** `[limits]`: what a run may use; the operator's limits are the ceiling of each. */
import type { Kind } from './kinds.ts';
import { bytes, milliseconds, whole } from './kinds.ts';
import { maybe, type ReadFields, record } from './tables.ts';

const kib = 1024;
const gib = 1024 ** 3;
const msMax = 86_400_000;

const fields = {
  cpuMs: maybe(milliseconds({ min: 1, max: msMax }), 'CPU time of one run'),
  wallMs: maybe(milliseconds({ min: 1, max: msMax }), 'Wall-clock time of one run'),
  memoryBytes: maybe(
    bytes({ min: 64 * kib, max: 4 * gib }),
    'Linear memory of one instance',
    'memory',
  ),
  requestBodyBytes: maybe(
    bytes({ min: 0, max: gib }),
    'The largest request body that is accepted',
    'request_body',
  ),
  runs: maybe(whole({ min: 1, max: 100_000 }), 'Runs at once, per serving thread'),
} as const;

/** What an owner wants as limits; left out: the operator's. */
export type OwnLimits = ReadFields<typeof fields>;

export const limits: Kind<OwnLimits> = record(fields);
