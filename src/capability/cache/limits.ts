/** Limits of the caches of sites. */
import type { LimitTable } from '../../config/limit-table.ts';

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

export const cacheLimits = {
  cacheBytesMax: {
    fallback: 256 * mib,
    summary: 'What the caches of all sites hold; the largest owner gives up first',
    min: 0,
  },
  cacheSiteBytesMax: {
    fallback: 64 * mib,
    summary: 'The cache of one site',
    min: 0,
  },
  cacheEntryBytesMax: {
    fallback: 16 * mib,
    summary: 'One object of a cache',
    min: 0,
    max: gib,
  },
  cacheMetadataBytesMax: {
    fallback: 64 * kib,
    summary: 'What is kept with one object of a cache beside its body: headers, keys, own data',
    max: mib,
  },
  cacheWaitersPerKeyMax: {
    fallback: 1_000,
    summary: 'Requests that wait for another to bring what one key of a cache stands for',
    min: 0,
  },
  cacheOperationsPerRunMax: {
    fallback: 1_000,
    summary: 'Operations of the cache in one run',
    min: 0,
  },
} as const satisfies LimitTable;
