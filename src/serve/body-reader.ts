/** A request body read piece by piece, at the reader's pace; it may idle only so long. */
import type { Readable } from 'node:stream';
import { TerrafirmaError } from '../errors.ts';

/** Where the connection can carry on although the body cannot, `fault` says why. */
export type BodySource = Readable & { readonly fault?: TerrafirmaError | undefined };

export class BodyReader {
  readonly #incoming: BodySource;
  readonly #idleTimeoutMs: number;

  constructor(incoming: BodySource, idleTimeoutMs: number) {
    this.#incoming = incoming;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /**
   * The next piece; undefined at the end. One call at a time.
   *
   * @throws TerrafirmaError `request-timeout`, `client-gone`, or the fault of the source. The
   * connection is left open, so that it can still carry the answer.
   */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk: Uint8Array | null = this.#incoming.read();
      if (chunk !== null) return chunk;
      if (this.#incoming.readableEnded) return undefined;
      if (this.#incoming.fault !== undefined) throw this.#incoming.fault;
      if (this.#incoming.destroyed) throw clientGone();
      await this.#waitForMore();
    }
  }

  #waitForMore(): Promise<void> {
    const incoming = this.#incoming;
    return new Promise((resolve, reject) => {
      const events = ['readable', 'end', 'close', 'error', 'fault'] as const;
      const settle = (): void => {
        clearTimeout(timer);
        for (const event of events) incoming.off(event, settle);
        resolve();
      };
      const timer = setTimeout(() => {
        for (const event of events) incoming.off(event, settle);
        reject(idle(this.#idleTimeoutMs));
      }, this.#idleTimeoutMs);
      for (const event of events) incoming.on(event, settle);
    });
  }
}

function clientGone(): TerrafirmaError {
  return new TerrafirmaError('client-gone', 'Cannot read the request body: the client went away');
}

function idle(idleTimeoutMs: number): TerrafirmaError {
  return new TerrafirmaError(
    'request-timeout',
    `Cannot read the request body: it may pause for ${idleTimeoutMs} ms: ` +
      'received nothing for longer',
  );
}
