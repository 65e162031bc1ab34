/** Limits of counters of rates. */
import type { LimitTable } from '../../config/limit-table.ts';

const mib = 1024 * 1024;

export const rateLimits = {
  rateEntriesPerSiteMax: {
    fallback: 4_096,
    summary: 'Entries of rate counters and penalty boxes of one site; 272 bytes each',
    min: 64,
    max: 1_000_000,
  },
  rateBytesMax: {
    fallback: 64 * mib,
    summary: 'Rate counters of all sites; an owner gets no more than is left for others',
  },
} as const satisfies LimitTable;
