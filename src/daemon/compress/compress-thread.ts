/**
 * Entry of the thread that compresses files, one after another, as well as it can: each is sent
 * many times. Touches its parent's port.
 */
import { parentPort } from 'node:worker_threads';
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import type { ContentCoding } from '../../http/content-coding.ts';
import type { CompressReply, CompressRequest } from './messages.ts';

/** Above this size the last percents would take seconds of a processor. */
const bestBytesMax = 512 * 1024;

const port = parentPort;
if (port === null) throw new Error('Cannot compress: this file is the entry of a thread');

port.on('message', ({ id, coding, bytes }: CompressRequest) => {
  const reply: CompressReply = { id, bytes: new Uint8Array(compress(coding, bytes)) };
  port.postMessage(reply, [reply.bytes.buffer]);
});

function compress(coding: ContentCoding, bytes: Uint8Array): Uint8Array {
  const isSmall = bytes.length <= bestBytesMax;
  switch (coding) {
    case 'zstd':
      return zstdCompressSync(bytes, {
        params: { [constants.ZSTD_c_compressionLevel]: isSmall ? 19 : 9 },
      });
    case 'br':
      return brotliCompressSync(bytes, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: isSmall ? 11 : 6,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      });
    case 'gzip':
      return gzipSync(bytes, { level: isSmall ? 9 : 6 });
  }
}
