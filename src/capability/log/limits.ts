/** Limits of what a guest writes to the log. */
import type { LimitTable } from '../../config/limit-table.ts';

const kib = 1024;
const mib = 1024 * kib;

export const logLimits = {
  logLinesPerRunMax: {
    fallback: 100,
    summary: 'Log lines a guest may write in one run',
    min: 0,
  },
  logBytesPerRunMax: {
    fallback: 64 * kib,
    summary: 'Log text a guest may write in one run',
    min: 0,
    max: 16 * mib,
  },
} as const satisfies LimitTable;
