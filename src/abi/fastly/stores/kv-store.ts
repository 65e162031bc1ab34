/** The key-value store: each operation is started, and waited for. */
import { room, text, unsupported } from '../declare.ts';

export const kvStoreHostcalls = [
  unsupported('open', '#key-value-stores', [...text('name'), ['kv_store', 'out_handle']]),
  unsupported('lookup', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['mask', 'flags'],
    ['cfg', 'address'],
    ['handle_out', 'out_handle'],
  ]),
  unsupported('lookup_wait', '#key-value-stores', [
    ['handle', 'handle'],
    ['body_handle_out', 'out_handle'],
    ...room('meta'),
    ['generation_out', 'out_number'],
    ['kv_error_out', 'out_number'],
  ]),
  unsupported('lookup_wait_v2', '#key-value-stores', [
    ['handle', 'handle'],
    ['body_handle_out', 'out_handle'],
    ...room('meta'),
    ['generation_out', 'out_number64'],
    ['kv_error_out', 'out_number'],
  ]),
  unsupported('insert', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['body_handle', 'handle'],
    ['mask', 'flags'],
    ['cfg', 'address'],
    ['handle_out', 'out_handle'],
  ]),
  unsupported('insert_wait', '#key-value-stores', [
    ['handle', 'handle'],
    ['kv_error_out', 'out_number'],
  ]),
  unsupported('delete', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['mask', 'flags'],
    ['cfg', 'address'],
    ['handle_out', 'out_handle'],
  ]),
  unsupported('delete_wait', '#key-value-stores', [
    ['handle', 'handle'],
    ['kv_error_out', 'out_number'],
  ]),
  unsupported('list', '#key-value-stores', [
    ['store', 'handle'],
    ['mask', 'flags'],
    ['cfg', 'address'],
    ['handle_out', 'out_handle'],
  ]),
  unsupported('list_wait', '#key-value-stores', [
    ['handle', 'handle'],
    ['body_handle_out', 'out_handle'],
    ['kv_error_out', 'out_number'],
  ]),
];
