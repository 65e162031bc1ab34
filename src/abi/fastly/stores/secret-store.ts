/** Secrets. */
import { bytesRoom, text, unsupported } from '../declare.ts';

export const secretStoreHostcalls = [
  unsupported('open', '#secrets', [...text('name'), ['secret_store', 'out_handle']]),
  unsupported('get', '#secrets', [['store', 'handle'], ...text('key'), ['secret', 'out_handle']]),
  unsupported('plaintext', '#secrets', [['secret', 'handle'], ...bytesRoom('buf')]),
  unsupported('from_bytes', '#secrets', [
    ['buf', 'bytes'],
    ['buf_len', 'length'],
    ['secret', 'out_handle'],
  ]),
];
