/** Whether bodies that come compressed are given as they were before. */
import { unsupported } from '../declare.ts';

export const decompressHostcalls = [
  unsupported('auto_decompress_response_set', '#sending', [
    ['h', 'handle'],
    ['encodings', 'number'],
  ]),
];
