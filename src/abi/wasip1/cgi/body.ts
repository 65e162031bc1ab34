/** The request's body as standard input: as much as the visitor has sent, when the program asks. */
import type { Exchange } from '../../abi.ts';
import type { InputStream } from '../streams.ts';

const NO_BYTES = new Uint8Array(0);

export class RequestBody implements InputStream {
  readonly #exchange: Pick<Exchange, 'readChunk'>;
  /** Undefined while nothing is here; empty at the end. */
  #chunk: Uint8Array | undefined;
  #pending: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(exchange: Pick<Exchange, 'readChunk' | 'hasBody'>) {
    this.#exchange = exchange;
    this.#chunk = exchange.hasBody ? undefined : NO_BYTES;
  }

  /** Why the body broke off, such as `request-timeout`: the run ends with it. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get readyBytes(): number | undefined {
    return this.#failure === undefined ? this.#chunk?.length : 0;
  }

  /** Throws the failure. */
  take(bytesMax: number): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = this.#chunk;
    if (chunk === undefined || chunk.length === 0) return chunk;
    const taken = chunk.subarray(0, bytesMax);
    this.#chunk = taken.length === chunk.length ? undefined : chunk.subarray(bytesMax);
    return taken;
  }

  /** Never rejects: `take` tells. */
  whenReady(): Promise<void> {
    if (this.readyBytes !== undefined) return Promise.resolve();
    this.#pending ??= this.#readOn();
    return this.#pending;
  }

  async #readOn(): Promise<void> {
    try {
      do {
        this.#chunk = await this.#exchange.readChunk();
      } while (this.#chunk?.length === 0);
      this.#chunk ??= NO_BYTES;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#pending = undefined;
    }
  }
}
