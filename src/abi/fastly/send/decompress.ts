/** Whether bodies that come compressed are given as they were before. */
import { answering } from '../declare.ts';
import { findRequest } from '../request.ts';
import { status } from '../status.ts';

const gzip = 1;

export const decompressHostcalls = [
  answering({
    name: 'auto_decompress_response_set',
    params: [
      ['h', 'handle'],
      ['encodings', 'flags'],
    ],
    spec: '#sending',
    meaning: 'bit 1: gzip',
    act: (guest, handle, encodings) => {
      const request = findRequest(guest, handle);
      if ((encodings & ~gzip) !== 0) return status.inval;
      request.decodesGzip = encodings === gzip;
      return status.ok;
    },
  }),
];
