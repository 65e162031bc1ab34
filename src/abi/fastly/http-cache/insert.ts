/** The cache of answers: put in. */
import { unsupported } from '../declare.ts';

export const httpCacheInsertHostcalls = [
  unsupported('transaction_insert', '#cache-of-answers', [
    ['handle', 'handle'],
    ['resp_handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
  ]),
  unsupported('transaction_insert_and_stream_back', '#cache-of-answers', [
    ['handle', 'handle'],
    ['resp_handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
    ['http_cache', 'out_handle'],
  ]),
  unsupported('transaction_update', '#cache-of-answers', [
    ['handle', 'handle'],
    ['resp_handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
  ]),
  unsupported('transaction_update_and_return_fresh', '#cache-of-answers', [
    ['handle', 'handle'],
    ['resp_handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['http_cache', 'out_handle'],
  ]),
  unsupported('transaction_choose_stale', '#cache-of-answers', [['handle', 'handle']]),
  unsupported('transaction_record_not_cacheable', '#cache-of-answers', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
  ]),
  unsupported('transaction_abandon', '#cache-of-answers', [['handle', 'handle']]),
  unsupported('get_suggested_cache_options', '#cache-of-answers', [
    ['handle', 'handle'],
    ['response', 'out_handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['mask_out', 'address'],
    ['opts_out', 'address'],
  ]),
  unsupported('prepare_response_for_storage', '#cache-of-answers', [
    ['handle', 'handle'],
    ['response', 'out_handle'],
    ['http_storage_action', 'out_number'],
    ['response', 'out_handle'],
  ]),
];
