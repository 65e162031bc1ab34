/** The cache: objects found, and promised. */
import { text, unsupported } from '../declare.ts';

export const cacheLookupHostcalls = [
  unsupported('lookup', '#cache', [
    ...text('cache_key'),
    ['mask', 'flags'],
    ['opts', 'address'],
    ['cache', 'out_handle'],
  ]),
  unsupported('transaction_lookup', '#cache', [
    ...text('cache_key'),
    ['mask', 'flags'],
    ['opts', 'address'],
    ['cache', 'out_handle'],
  ]),
  unsupported('transaction_lookup_async', '#cache', [
    ...text('cache_key'),
    ['mask', 'flags'],
    ['opts', 'address'],
    ['cache_busy', 'out_handle'],
  ]),
  unsupported('cache_busy_handle_wait', '#cache', [
    ['busy_handle', 'handle'],
    ['cache', 'out_handle'],
  ]),
  unsupported('close_busy', '#cache', [['handle', 'handle']]),
  unsupported('close', '#cache', [['handle', 'handle']]),
];
