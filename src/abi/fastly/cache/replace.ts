/** The cache: objects put in place of others. */
import { room, text, unsupported } from '../declare.ts';

export const cacheReplaceHostcalls = [
  unsupported('replace', '#cache', [
    ...text('cache_key'),
    ['mask', 'flags'],
    ['opts', 'address'],
    ['cache_replace', 'out_handle'],
  ]),
  unsupported('replace_insert', '#cache', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
  ]),
  unsupported('replace_get_age_ns', '#cache', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('replace_get_body', '#cache', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
  ]),
  unsupported('replace_get_hits', '#cache', [
    ['handle', 'handle'],
    ['cache_hit_count', 'out_number64'],
  ]),
  unsupported('replace_get_length', '#cache', [
    ['handle', 'handle'],
    ['cache_object_length', 'out_number64'],
  ]),
  unsupported('replace_get_max_age_ns', '#cache', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('replace_get_stale_while_revalidate_ns', '#cache', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('replace_get_state', '#cache', [
    ['handle', 'handle'],
    ['cache_lookup_state', 'out_number'],
  ]),
  unsupported('replace_get_user_metadata', '#cache', [
    ['handle', 'handle'],
    ...room('user_metadata_out_ptr'),
  ]),
];
