/** What is known of an answer that the cache has. */
import { room, unsupported } from '../declare.ts';

export const httpCacheFactsHostcalls = [
  unsupported('get_found_response', '#cache-of-answers', [
    ['handle', 'handle'],
    ['transform_for_client', 'number'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('get_state', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_lookup_state', 'out_number'],
  ]),
  unsupported('get_length', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_object_length', 'out_number64'],
  ]),
  unsupported('get_max_age_ns', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_stale_while_revalidate_ns', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_stale_if_error_ns', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_age_ns', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_duration_ns', 'out_number64'],
  ]),
  unsupported('get_hits', '#cache-of-answers', [
    ['handle', 'handle'],
    ['cache_hit_count', 'out_number64'],
  ]),
  unsupported('get_sensitive_data', '#cache-of-answers', [
    ['handle', 'handle'],
    ['is_sensitive', 'out_number'],
  ]),
  unsupported('get_surrogate_keys', '#cache-of-answers', [
    ['handle', 'handle'],
    ...room('surrogate_keys_out_ptr'),
  ]),
  unsupported('get_vary_rule', '#cache-of-answers', [
    ['handle', 'handle'],
    ...room('vary_rule_out_ptr'),
  ]),
];
