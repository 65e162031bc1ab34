/** The cache of answers: found, and promised. */
import { room, unsupported } from '../declare.ts';

export const httpCacheLookupHostcalls = [
  unsupported('is_request_cacheable', '#cache-of-answers', [
    ['req_handle', 'handle'],
    ['is_cacheable', 'out_number'],
  ]),
  unsupported('get_suggested_cache_key', '#cache-of-answers', [
    ['req_handle', 'handle'],
    ...room('key_out_ptr'),
  ]),
  unsupported('lookup', '#cache-of-answers', [
    ['req_handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['http_cache', 'out_handle'],
  ]),
  unsupported('transaction_lookup', '#cache-of-answers', [
    ['req_handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['http_cache', 'out_handle'],
  ]),
  unsupported('close', '#cache-of-answers', [['handle', 'handle']]),
  unsupported('get_suggested_backend_request', '#cache-of-answers', [
    ['handle', 'handle'],
    ['request', 'out_handle'],
  ]),
];
