/**
 * The request's body as standard input: as much as the visitor has sent, when the program asks. One
 * that does not say how long it is comes in whole before a program is told its environment, which
 * must say it (RFC 3875, section 4.1.2): many programs read so many bytes and not one more.
 */

import { inBytes } from '../../../amounts.ts';
import { TerrafirmaError } from '../../../errors.ts';
import { noBytes } from '../../../http/body.ts';
import type { Exchange } from '../../abi.ts';
import type { InputStream } from '../streams.ts';
import { declaredLength } from './environment.ts';

export class RequestBody implements InputStream {
  readonly #exchange: Pick<Exchange, 'readChunk' | 'hasBody'>;
  /** Undefined while nothing is here; empty at the end. */
  #chunk: Uint8Array | undefined;
  #pending: Promise<void> | undefined;
  #failure: Error | undefined;
  #takenBytes = 0;
  #totalBytes: number | undefined;
  #measuring: Promise<void> | undefined;
  #isAtEnd = false;

  constructor(exchange: Pick<Exchange, 'readChunk' | 'hasBody' | 'request'>) {
    this.#exchange = exchange;
    this.#chunk = exchange.hasBody ? undefined : noBytes;
    this.#totalBytes = exchange.hasBody ? declaredLength(exchange.request.headers) : 0;
  }

  /** All of the body, as soon as that is known. */
  get totalBytes(): number | undefined {
    return this.#totalBytes;
  }

  /**
   * Resolves when the length of the body is known; undefined when it is. Rejects with the failure,
   * TerrafirmaError `request-too-large` past `bytesMax`.
   */
  measure(bytesMax: number): Promise<void> | undefined {
    if (this.#totalBytes !== undefined) return undefined;
    this.#measuring ??= this.#readAll(bytesMax);
    return this.#measuring;
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
    this.#takenBytes += taken.length;
    if (taken.length < chunk.length) this.#chunk = chunk.subarray(bytesMax);
    else this.#chunk = this.#isAtEnd ? noBytes : undefined;
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
      this.#chunk = await this.#readChunk();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#pending = undefined;
    }
  }

  /** Empty at the end alone. */
  async #readChunk(): Promise<Uint8Array> {
    for (;;) {
      const chunk = await this.#exchange.readChunk();
      if (chunk === undefined) return noBytes;
      if (chunk.length > 0) return chunk;
    }
  }

  async #readAll(bytesMax: number): Promise<void> {
    const pieces: Uint8Array[] = [];
    let heldBytes = 0;
    for (;;) {
      await this.whenReady();
      if (this.#failure !== undefined) throw this.#failure;
      const chunk = this.#chunk ?? noBytes;
      if (chunk.length === 0) break;
      heldBytes += chunk.length;
      if (this.#takenBytes + heldBytes > bytesMax) {
        this.#failure = tooLarge(bytesMax, this.#takenBytes + heldBytes);
        throw this.#failure;
      }
      pieces.push(chunk);
      this.#chunk = undefined;
    }
    this.#totalBytes = this.#takenBytes + heldBytes;
    this.#chunk = Buffer.concat(pieces, heldBytes);
    this.#isAtEnd = true;
  }
}

function tooLarge(bytesMax: number, received: number): TerrafirmaError {
  const rule = `a body without Content-Length may have at most ${inBytes(bytesMax)}`;
  const detail = `Cannot accept the request: ${rule}: received ${received} bytes`;
  return new TerrafirmaError('request-too-large', detail);
}
