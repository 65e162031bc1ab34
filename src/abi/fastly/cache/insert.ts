/** The cache: objects put in. */
import { text, unsupported } from '../declare.ts';

export const cacheInsertHostcalls = [
  unsupported('insert', '#cache', [
    ...text('cache_key'),
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
  ]),
  unsupported('transaction_insert', '#cache', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
  ]),
  unsupported('transaction_insert_and_stream_back', '#cache', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
    ['body', 'out_handle'],
    ['cache', 'out_handle'],
  ]),
  unsupported('transaction_update', '#cache', [
    ['handle', 'handle'],
    ['mask', 'flags'],
    ['opts', 'address'],
  ]),
  unsupported('transaction_cancel', '#cache', [['handle', 'handle']]),
];
