/**
 * Cuts an HTTP/2 connection that costs more than its requests explain. Touches the connection,
 * through node, which shows what came and went on it.
 */
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Http2Budget } from './budget.ts';

export interface Http2WatchOptions {
  readonly session: ServerHttp2Session;
  readonly socket: TLSSocket;
  readonly budget: Http2Budget;
  readonly nowMs: () => number;
  readonly onFlood: (reason: string) => void;
}

export class Http2Watch {
  readonly #options: Http2WatchOptions;

  constructor(options: Http2WatchOptions) {
    this.#options = options;
    const takeAnswered = (): void => {
      const { budget, nowMs } = this.#options;
      if (!budget.takeAnsweredFrame(nowMs())) this.#cut('too many PING or SETTINGS');
    };
    options.session.on('ping', takeAnswered);
    options.session.on('remoteSettings', takeAnswered);
  }

  /** False, and the connection cut: its headers are too much by now. */
  takeRequest(stream: ServerHttp2Stream, rawHeaders: readonly string[]): boolean {
    const { budget, nowMs } = this.#options;
    let headerBytes = 0;
    for (const text of rawHeaders) headerBytes += text.length;
    if (!stream.endAfterHeaders) countBody(stream, budget);
    if (budget.takeRequest(headerBytes, nowMs())) return true;
    this.#cut('too many bytes of headers');
    return false;
  }

  look(): void {
    const { budget, nowMs, socket } = this.#options;
    const bytes = { received: socket.bytesRead, sent: socket.bytesWritten };
    if (!budget.takeBytes(bytes, nowMs())) this.#cut('too many frames that carry nothing');
  }

  #cut(reason: string): void {
    const { onFlood, session } = this.#options;
    if (session.destroyed) return;
    onFlood(reason);
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  }
}

/** As it arrives, read or not: node tells of it nowhere else. */
function countBody(stream: ServerHttp2Stream, budget: Http2Budget): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: Uint8Array | null, encoding?: BufferEncoding): boolean => {
    if (chunk !== null) budget.noteBody(chunk.length);
    return push(chunk, encoding);
  };
}
