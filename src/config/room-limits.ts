/** The limits that stand beside their room, one line a table, in the order of the sample file. */
import { cacheLimits } from '../capability/cache/limits.ts';
import { fetchLimits } from '../capability/fetch/limits.ts';
import { keyValueLimits } from '../capability/kv/limits.ts';
import { logLimits } from '../capability/log/limits.ts';
import { rateLimits } from '../capability/rates/limits.ts';
import { resolveLimits } from '../capability/resolve/limits.ts';

export const roomLimits = {
  ...logLimits,
  ...fetchLimits,
  ...resolveLimits,
  ...keyValueLimits,
  ...cacheLimits,
  ...rateLimits,
} as const;
