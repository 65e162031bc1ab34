/** Limits of name resolution for guests. */
import type { LimitTable } from '../../config/limit-table.ts';

export const resolveLimits = {
  dnsQueriesPerRunMax: {
    fallback: 32,
    summary: 'DNS queries a guest may send in one run',
    min: 0,
  },
} as const satisfies LimitTable;
