/** Limits of key-value stores. */
import type { LimitTable } from '../../config/limit-table.ts';

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

export const keyValueLimits = {
  kvKeyBytesMax: {
    fallback: 4 * kib,
    summary: 'One key',
    max: 4_096,
  },
  kvValueBytesMax: {
    fallback: 4 * mib,
    summary: 'One value, after appending too',
    max: 512 * mib,
  },
  kvNamespaceBytesMax: {
    fallback: 64 * mib,
    summary: 'All keys and values of one store, such as a module’s own',
  },
  kvNamespaceKeysMax: {
    fallback: 100_000,
    summary: 'Keys of one store',
  },
  kvOperationsPerRunMax: {
    fallback: 1_000,
    summary: 'Key-value operations in one run',
    min: 0,
  },
  kvOwnerBytesMax: {
    fallback: gib,
    summary: 'All keys and values of the modules of one owner',
  },
  kvBytesMax: {
    fallback: 16 * gib,
    summary: 'What guests store in all; an owner gets no more of it than is left for others',
  },
  kvQueuedBytesMax: {
    fallback: 64 * mib,
    summary: 'Writes that wait for their commit',
  },
} as const satisfies LimitTable;
