/** Reads the daemon's log: as fast as it comes, or at a bounded rate, as a log shipper may. */
import type { Readable } from 'node:stream';

const LISTENING_CHARS_MAX = 1_048_576;
const TICK_MS = 50;

export interface ListeningPorts {
  readonly plain: number;
  /** 0 without HTTPS. */
  readonly tls: number;
}

export class LogReader {
  readonly #stream: Readable;
  readonly #bytesPerS: number | undefined;
  /** Until the daemon has said where it listens. */
  #start = '';
  readonly #listening = Promise.withResolvers<ListeningPorts>();
  #bytes = 0;

  constructor(stream: Readable, bytesPerS: number | undefined) {
    this.#stream = stream;
    this.#bytesPerS = bytesPerS;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => this.#listening.reject(new Error('the daemon ended at its start')));
    // Without a listener the rejection of a daemon that ends later would be nobody's.
    this.#listening.promise.catch(() => undefined);
  }

  /** Resolves once the daemon has said where it listens. */
  get ports(): Promise<ListeningPorts> {
    return this.#listening.promise;
  }

  /** All that was read. */
  get bytes(): number {
    return this.#bytes;
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#look(chunk);
    if (this.#bytesPerS === undefined) return;
    this.#stream.pause();
    const pauseMs = Math.max(TICK_MS, (chunk.length / this.#bytesPerS) * 1_000);
    setTimeout(() => this.#stream.resume(), pauseMs);
  }

  #look(chunk: Buffer): void {
    if (this.#start.length > LISTENING_CHARS_MAX) return;
    this.#start += chunk.toString('latin1');
    const line = /"listening":\["http:\/\/[^"]*:(\d+)"(?:,"https:\/\/[^"]*:(\d+)")?/.exec(
      this.#start,
    );
    if (line === null) return;
    const [, plain, tls = '0'] = line;
    this.#listening.resolve({ plain: Number(plain), tls: Number(tls) });
    this.#start = ' '.repeat(LISTENING_CHARS_MAX + 1);
  }
}
