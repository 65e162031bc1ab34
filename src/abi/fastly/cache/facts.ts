/** What is known of an object that the cache has. */
import { room, unsupported } from '../declare.ts';

export const cacheFactsHostcalls = [
  unsupported('get_state', '#cache', [
    ['handle', 'handle'],
    ['cache_lookup_state', 'out_number'],
  ]),
  unsupported('get_user_metadata', '#cache', [
    ['handle', 'handle'],
    ...room('user_metadata_out_ptr'),
  ]),
  unsupported('get_body', '#cache', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
  ]),
  unsupported('get_length', '#cache', [
    ['handle', 'handle'],
    ['cache_object_length', 'out_number64'],
  ]),
  unsupported('get_max_age_ns', '#cache', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_stale_while_revalidate_ns', '#cache', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_age_ns', '#cache', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_hits', '#cache', [
    ['handle', 'handle'],
    ['cache_hit_count', 'out_number64'],
  ]),
];
