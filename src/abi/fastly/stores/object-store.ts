/** The key-value store as older guests call it. */
import { text, unsupported } from '../declare.ts';

export const objectStoreHostcalls = [
  unsupported('open', '#key-value-stores', [...text('name'), ['object_store', 'out_handle']]),
  unsupported('lookup', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['body_handle_out', 'out_handle'],
  ]),
  unsupported('lookup_async', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['pending_handle_out', 'out_handle'],
  ]),
  unsupported('pending_lookup_wait', '#key-value-stores', [
    ['pending_objstr_handle', 'handle'],
    ['body_handle_out', 'out_handle'],
  ]),
  unsupported('insert', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['body_handle', 'handle'],
  ]),
  unsupported('insert_async', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['body_handle', 'handle'],
    ['pending_handle_out', 'out_handle'],
  ]),
  unsupported('pending_insert_wait', '#key-value-stores', [['pending_objstr_handle', 'handle']]),
  unsupported('delete_async', '#key-value-stores', [
    ['store', 'handle'],
    ...text('key'),
    ['pending_handle_out', 'out_handle'],
  ]),
  unsupported('pending_delete_wait', '#key-value-stores', [['pending_objstr_handle', 'handle']]),
];
