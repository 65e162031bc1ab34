/**
 * The request's body as standard input: as much as the visitor has sent, when the program asks. One
 * that does not say how long it is comes in whole before a program is told its environment, which
 * must say it (RFC 3875, section 4.1.2): many programs read so many bytes and not one more.
 */
import { Buffer } from 'node:buffer';
import { inBytes } from '../../../amounts.ts';
import { TerrafirmaError } from '../../../errors.ts';
import { noBytes } from '../../../http/body.ts';
import type { HostMemory } from '../../abi.ts';
import { Body } from '../body.ts';
import { declaredBytes, ExchangeBody, type ReadableExchange } from '../exchange-body.ts';
import { HeldForRun } from '../held-for-run.ts';
import { ObjectError } from '../object-error.ts';
import type { InputStream } from './streams.ts';

/** Standard input has none. */
const noTrailers = { linesMax: 0, bytesMax: 0 };

export class RequestBody implements InputStream {
  readonly givesAway: boolean;
  /** Undefined where there is none: most requests have nothing to read. */
  readonly #body: Body | undefined;
  #refusal: Error | undefined;
  #takenBytes = 0;
  #totalBytes: number | undefined;
  #measuring: Promise<void> | undefined;

  constructor(exchange: ReadableExchange, hostMemory?: HostMemory) {
    this.givesAway = exchange.givesBodyAway === true;
    this.#totalBytes = declaredBytes(exchange);
    if (!exchange.hasBody) return;
    // What is held is bounded by `measure`, and by the account of the run's owner.
    const held = new HeldForRun(hostMemory, Number.POSITIVE_INFINITY);
    this.#body = Body.of(new ExchangeBody(exchange), { held, headerLimits: noTrailers });
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
    this.#measuring ??= this.#readAll(this.#body, bytesMax);
    return this.#measuring;
  }

  /** Why the body broke off, such as `request-timeout`: the run ends with it. */
  get failure(): Error | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const failure = this.#body?.failure;
    if (!(failure instanceof ObjectError)) return failure;
    return new TerrafirmaError('overloaded', failure.message);
  }

  get readyBytes(): number | undefined {
    if (this.#body === undefined || this.#refusal !== undefined) return 0;
    return this.#body.readyBytes;
  }

  /** @throws the failure */
  take(bytesMax: number): Uint8Array | undefined {
    const { failure } = this;
    if (failure !== undefined) throw failure;
    if (this.#body === undefined) return noBytes;
    const taken = this.#body.readNow(bytesMax);
    this.#takenBytes += taken?.length ?? 0;
    return taken;
  }

  /** Never rejects: `take` tells. */
  whenReady(): Promise<void> {
    return this.#body?.whenReady() ?? Promise.resolve();
  }

  async #readAll(body: Body | undefined, bytesMax: number): Promise<void> {
    if (body === undefined) return;
    const takenBefore = this.#takenBytes;
    const pieces: Uint8Array[] = [];
    let heldBytes = 0;
    for (;;) {
      await this.whenReady();
      const { failure } = this;
      if (failure !== undefined) throw failure;
      const piece = body.readNow(bytesMax);
      if (piece === undefined) continue;
      if (piece.length === 0) break;
      heldBytes += piece.length;
      if (takenBefore + heldBytes > bytesMax) {
        this.#refusal = tooLarge(bytesMax, takenBefore + heldBytes);
        throw this.#refusal;
      }
      pieces.push(piece);
    }
    this.#totalBytes = takenBefore + heldBytes;
    body.write(Buffer.concat(pieces, heldBytes), 'front');
  }
}

function tooLarge(bytesMax: number, received: number): TerrafirmaError {
  const rule = `a body without Content-Length may have at most ${inBytes(bytesMax)}`;
  const detail = `Cannot accept the request: ${rule}: received ${received} bytes`;
  return new TerrafirmaError('request-too-large', detail);
}
