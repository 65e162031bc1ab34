/** What a guest wants of the cache for one request. */
import { text, unsupported } from '../declare.ts';

export const cacheOverrideHostcalls = [
  unsupported('cache_override_set', '#reading-through', [
    ['h', 'handle'],
    ['tag', 'number'],
    ['ttl', 'number'],
    ['swr', 'number'],
  ]),
  unsupported('cache_override_v2_set', '#reading-through', [
    ['h', 'handle'],
    ['tag', 'number'],
    ['ttl', 'number'],
    ['swr', 'number'],
    ...text('sk'),
  ]),
];
