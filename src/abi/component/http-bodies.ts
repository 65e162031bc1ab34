/** Bodies of `wasi:http`: those that come, those that go, and their trailers. */
import type { ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import { Body } from '../objects/body.ts';
import { ObjectError } from '../objects/object-error.ts';
import type { ReadyItem } from '../objects/ready.ts';
import { errorCode, errorCodeOf } from './error-codes.ts';
import { type HostFunction, prompt } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostResource } from './handles.ts';
import { Fields, headerLimitsOf } from './http-fields.ts';
import { Pollable } from './io.ts';
import { failed, ok, type Variant } from './results.ts';
import { type ByteSink, type ByteSource, InputStream, OutputStream } from './streams.ts';

/** What one call of `check-write` permits where there is room. */
const writeBytesMax = 64 * 1024;
const trailersPieceBytes = 64 * 1024;

class BodySource implements ByteSource {
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  take(bytesMax: number): Uint8Array | undefined {
    return this.#body.readNow(bytesMax);
  }

  get isReady(): boolean {
    return this.#body.isReady;
  }

  whenReady(): Promise<void> {
    return this.#body.whenReady();
  }
}

/** A body that comes. Its stream is taken once. */
export class IncomingBody extends HostResource {
  readonly body: Body;
  #isTaken = false;

  constructor(body: Body) {
    super();
    this.body = body;
  }

  stream(): Variant {
    if (this.#isTaken) return failed();
    this.#isTaken = true;
    return ok(this.adopt(new InputStream(new BodySource(this.body))));
  }

  override drop(): void {
    super.drop();
    this.body.close();
  }
}

/** The fields after a body: what is left of it is read and thrown away. */
export class FutureTrailers extends HostResource {
  readonly #body: Body;
  #state: 'reading' | 'done' | 'given' = 'reading';
  #failure: unknown;
  #trailers: readonly Header[] = [];
  readonly #settled: Promise<void>;

  constructor(body: Body) {
    super();
    this.#body = body;
    this.#settled = this.#read();
  }

  get isReady(): boolean {
    return this.#state !== 'reading';
  }

  whenReady(): Promise<void> {
    return this.#settled;
  }

  get(guest: ComponentGuest): Variant | undefined {
    if (this.#state === 'reading') return undefined;
    if (this.#state === 'given') return failed();
    this.#state = 'given';
    if (this.#failure !== undefined)
      return ok(failed(errorCodeOf(this.#failure, guest.run.capabilities.fetch)));
    if (this.#trailers.length === 0) return ok(ok(undefined));
    return ok(ok(Fields.of(this.#trailers, headerLimitsOf(guest))));
  }

  override drop(): void {
    super.drop();
    this.#body.close();
  }

  async #read(): Promise<void> {
    try {
      while ((await this.#body.read(trailersPieceBytes)).length > 0);
      this.#trailers = this.#body.trailers ?? [];
    } catch (error) {
      this.#failure = error;
    }
    this.#state = 'done';
  }
}

/** Who sends a body: told when there is something to send, and when it has ended. */
export interface BodyOwner {
  /** A piece is there, or the guest waits: it should leave. */
  flush(): void;
  /** All of it is there. */
  finished(): void;
}

/** A body that goes. What is written waits in it until it is sent. */
export class OutgoingBody extends HostResource implements ByteSink {
  readonly body: Body;
  readonly #bytesMax: number | undefined;
  readonly #limit: number;
  #written = 0;
  #isTaken = false;
  /** Settles when somebody begins to take it; made where somebody waits for that. */
  #started: PromiseWithResolvers<void> | undefined;
  /** Some of it does not pass through here: who sends it counts. */
  #isUncounted = false;
  #state: 'open' | 'finished' | 'broken' = 'open';
  owner: BodyOwner | undefined;

  /**
   * @param declared What `content-length` says, where it is there.
   * @param limit Bytes that it may have in any case.
   */
  constructor(body: Body, how: { readonly declared: number | undefined; readonly limit: number }) {
    super();
    this.body = body;
    this.#bytesMax = how.declared;
    this.#limit = how.limit;
  }

  get isFinished(): boolean {
    return this.#state === 'finished';
  }

  /** Undefined where it is over, or whoever took it has gone. */
  get room(): number | undefined {
    if (this.#state !== 'open' || this.body.isUnwanted) return undefined;
    const hasRoom = this.body.isStreaming
      ? this.body.isReady
      : this.#waitingBytes() < writeBytesMax;
    return hasRoom ? writeBytesMax : 0;
  }

  #waitingBytes(): number {
    return this.body.knownBytes ?? 0;
  }

  async whenReady(): Promise<void> {
    if (!this.body.isStreaming) this.owner?.flush();
    // Nobody takes it before it is sent; where that does not come, its run's time ends the wait.
    this.#started ??= Promise.withResolvers<void>();
    if (!this.body.isStreaming) await this.#started.promise;
    await this.body.whenReady();
  }

  /** Its read side: whoever sends it takes what is there, and the rest as it comes. */
  startStreaming(): ReadBody & ReadyItem {
    const contents = this.body.startStreaming();
    this.#started?.resolve();
    return contents;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#written += bytes.length;
    if (this.#bytesMax !== undefined && this.#written > this.#bytesMax) {
      this.break();
      throw new BodySizeError(this.#written);
    }
    if (this.#written > this.#limit) {
      this.break();
      throw new ObjectError('limit', `Cannot write: at most ${this.#limit} bytes: received more`);
    }
    void this.body.write(bytes);
    if (this.#waitingBytes() >= writeBytesMax) this.owner?.flush();
  }

  /** Adds all that is left of a body that came from outside, without copying it. */
  append(other: Body): void {
    this.#isUncounted = true;
    this.body.append(other);
  }

  flush(): void {
    // It leaves when the guest waits, or has written enough, or has ended: see HttpReply.
  }

  openStream(): Variant {
    if (this.#isTaken) return failed();
    this.#isTaken = true;
    return ok(this.adopt(new OutputStream(this)));
  }

  /** `result<_, error-code>`. */
  finish(trailers: Fields | undefined): Variant {
    const isCounted = this.#bytesMax !== undefined && !this.#isUncounted;
    if (isCounted && this.#written !== this.#bytesMax) {
      this.break();
      return failed(errorCode('HTTP-response-body-size', BigInt(this.#written)));
    }
    if (this.#state !== 'open') return failed(errorCode('connection-terminated'));
    for (const [name, value] of trailers?.map.lines() ?? []) this.body.addTrailer(name, value);
    this.#state = 'finished';
    this.owner?.finished();
    if (this.body.isStreaming) this.body.close();
    return ok();
  }

  /** Whoever gets it sees that it is not whole. */
  break(): void {
    if (this.#state !== 'open') return;
    this.#state = 'broken';
    this.body.abandon();
  }

  /** Dropped without `finish`, it is not whole. */
  override drop(): void {
    super.drop();
    this.break();
  }
}

/** More was written than was announced. */
export class BodySizeError extends Error {
  override readonly name = 'BodySizeError';
  readonly written: number;

  constructor(written: number) {
    super(`Cannot write: as many bytes as content-length says: received ${written}`);
    this.written = written;
  }
}

/** An empty one, on the account of the run. */
export function newBody(guest: ComponentGuest): Body {
  return new Body({ held: guest.run.held, headerLimits: headerLimitsOf(guest) });
}

/** The length that the fields announce; undefined where they do not. */
export function declaredLength({ map }: Fields): number | undefined {
  const [value] = map.values('content-length');
  return value === undefined ? undefined : Number(value);
}

/**
 * The bytes that a body of an answer must have; undefined: any. One to HEAD has none, whatever its
 * fields announce (RFC 9110, section 9.3.2).
 */
export function answeredLength(guest: ComponentGuest, fields: Fields): number | undefined {
  return guest.run.exchange.request.method === 'HEAD' ? undefined : declaredLength(fields);
}

export const bodyFunctions: Readonly<Record<string, HostFunction>> = {
  '[method]incoming-body.stream': prompt(() => (body: IncomingBody) => body.stream()),
  '[static]incoming-body.finish': prompt(
    () => (body: IncomingBody) => new FutureTrailers(body.body),
  ),
  '[method]future-trailers.subscribe': prompt(
    () => (trailers: FutureTrailers) => trailers.adopt(new Pollable(trailers)),
  ),
  '[method]future-trailers.get': prompt(
    (guest) => (trailers: FutureTrailers) => trailers.get(guest),
  ),
  '[method]outgoing-body.write': prompt(() => (body: OutgoingBody) => body.openStream()),
  '[static]outgoing-body.finish': prompt(
    () => (body: OutgoingBody, trailers: Fields | undefined) => body.finish(trailers),
  ),
};
