/**
 * Bodies of `wasi:http` 0.3: a stream of bytes, and a future of what comes after it. One that came
 * from outside and goes outside untouched does not pass through the guest.
 */
import type { Header } from '../../http/message.ts';
import { Body } from '../objects/body.ts';
import type { SourceBody } from '../objects/contents.ts';
import { errorCode, errorCodeOf } from './error-codes.ts';
import type { ComponentGuest } from './guest.ts';
import { BodySizeError, type OutgoingBody } from './http-bodies.ts';
import { Fields, headerLimitsOf } from './http-fields.ts';
import { failed, ok, type Variant } from './results.ts';
import { type ByteSource, noSource } from './streams.ts';
import {
  type FutureSide,
  HostFuture,
  HostStream,
  pump,
  type StreamSide,
} from './tasks/host-sides.ts';
import { SharedStream, type StreamSink } from './tasks/shared-stream.ts';

/** What a message carries. */
export interface MessageBody {
  /** Known to have nothing, trailers neither: it need not be sent. */
  readonly isEmpty: boolean;
  /** For the guest to read: its bytes, and then `result<option<trailers>, error-code>`. */
  open(): readonly [StreamSide, FutureSide];
  /**
   * Puts all of it into `outgoing`, as it comes.
   *
   * @param delivery Whether it gets there, as `result<_, error-code>`; left out: whoever takes it
   *   from there has it. Never rejects.
   */
  send(outgoing: OutgoingBody, delivery?: Promise<Variant>): void;
  /** Nobody wants it. */
  drop(): void;
}

type Outcome = { readonly trailers: readonly Header[] } | { readonly failure: unknown };

/** A body that says once how it ended, after its last byte was taken. */
class TrailedSource implements ByteSource {
  readonly #body: Body;
  readonly #onEnd: (outcome: Outcome) => void;

  constructor(body: Body, onEnd: (outcome: Outcome) => void) {
    this.#body = body;
    this.#onEnd = onEnd;
  }

  get isReady(): boolean {
    return this.#body.isReady;
  }

  whenReady(): Promise<void> {
    return this.#body.whenReady();
  }

  /** @throws what broke it off */
  take(bytesMax: number): Uint8Array | undefined {
    try {
      const bytes = this.#body.readNow(bytesMax);
      if (bytes?.length === 0) this.#onEnd({ trailers: this.#body.trailers ?? [] });
      return bytes;
    } catch (error) {
      this.#onEnd({ failure: error });
      throw error;
    }
  }

  close(): void {
    this.#body.close();
    this.#onEnd({ trailers: [] });
  }

  /** The rest of it and what comes after are somebody else's. */
  handOver(): Body {
    this.#onEnd({ trailers: [] });
    return this.#body;
  }
}

/** One that came from outside. */
export class ReceivedBody implements MessageBody {
  readonly #guest: ComponentGuest;
  readonly #source: SourceBody;

  constructor(guest: ComponentGuest, source: SourceBody) {
    this.#guest = guest;
    this.#source = source;
  }

  get isEmpty(): boolean {
    return this.#source.isEmpty === true;
  }

  open(): readonly [StreamSide, FutureSide] {
    const { threads } = this.#guest.tasks;
    const trailers = new HostFuture(threads);
    const onEnd = (outcome: Outcome): void => trailers.settle(this.#present(outcome));
    return [new HostStream(new TrailedSource(this.#take(), onEnd), threads), trailers];
  }

  send(outgoing: OutgoingBody): void {
    outgoing.append(this.#take());
    outgoing.finish(undefined);
  }

  drop(): void {
    this.#source.cancel();
  }

  /** Once, by whoever has the message. */
  #take(): Body {
    const { held } = this.#guest.run;
    return Body.of(this.#source, { held, headerLimits: headerLimitsOf(this.#guest) });
  }

  #present(outcome: Outcome): Variant {
    if ('failure' in outcome) return failed(errorCodeOf(outcome.failure));
    const { trailers } = outcome;
    if (trailers.length === 0) return ok();
    return ok(Fields.of(trailers, headerLimitsOf(this.#guest)));
  }
}

/** One that the guest has made. */
export class MadeBody implements MessageBody {
  readonly isEmpty = false;
  readonly #guest: ComponentGuest;
  readonly #contents: StreamSide | undefined;
  readonly #trailers: FutureSide;
  /** How sending it went, which the guest may wait for. */
  readonly sent: HostFuture;

  constructor(
    guest: ComponentGuest,
    parts: { readonly contents: StreamSide | undefined; readonly trailers: FutureSide },
  ) {
    this.#guest = guest;
    this.#contents = parts.contents;
    this.#trailers = parts.trailers;
    this.sent = new HostFuture(guest.tasks.threads);
  }

  open(): readonly [StreamSide, FutureSide] {
    this.sent.settle(ok());
    const empty = (): StreamSide => new HostStream(noSource, this.#guest.tasks.threads);
    return [this.#contents ?? empty(), this.#trailers];
  }

  send(outgoing: OutgoingBody, delivery?: Promise<Variant>): void {
    const joint = new BodyJoint(outgoing, this.sent, delivery);
    void delivery?.then((result) => {
      if (result.tag !== 0) this.sent.settle(result);
    });
    this.#trailers.attach({
      onValue: (value) => joint.finish(value as Variant),
      onAbandoned: () => joint.abandon(),
    });
    const contents = this.#contents;
    if (contents === undefined) joint.end();
    else if (contents instanceof SharedStream) contents.attach(joint);
    else passOn(contents, outgoing, joint);
  }

  drop(): void {
    this.#contents?.closeReader();
    this.#trailers.closeReader();
    this.sent.settle(failed(errorCode('internal-error', 'it was dropped')));
  }
}

function passOn(contents: HostStream, outgoing: OutgoingBody, joint: BodyJoint): void {
  const source = contents.release();
  if (source instanceof TrailedSource) {
    outgoing.append(source.handOver());
    joint.end();
  } else if (source === undefined) joint.end();
  else void pump(source, joint);
}

/** Where both parts of a body come together: it is whole when its bytes and trailers are there. */
class BodyJoint implements StreamSink {
  readonly #outgoing: OutgoingBody;
  readonly #sent: HostFuture;
  readonly #delivery: Promise<Variant> | undefined;
  #isAtEnd = false;
  #trailers: Variant | undefined;

  constructor(outgoing: OutgoingBody, sent: HostFuture, delivery: Promise<Variant> | undefined) {
    this.#outgoing = outgoing;
    this.#sent = sent;
    this.#delivery = delivery;
  }

  get room(): number | undefined {
    return this.#outgoing.room;
  }

  whenReady(): Promise<void> {
    return this.#outgoing.whenReady();
  }

  /** @throws what is wrong with them; whoever waits for how it went is told, too */
  write(bytes: Uint8Array): void {
    try {
      this.#outgoing.write(bytes);
    } catch (error) {
      const isSize = error instanceof BodySizeError;
      const code = isSize
        ? errorCode('HTTP-response-body-size', BigInt(error.written))
        : errorCodeOf(error);
      this.#sent.settle(failed(code));
      throw error;
    }
  }

  end(): void {
    this.#isAtEnd = true;
    this.#settle();
  }

  /** @param trailers `result<option<trailers>, error-code>`. */
  finish(trailers: Variant): void {
    this.#trailers = trailers;
    this.#settle();
  }

  abandon(): void {
    this.#outgoing.break();
    this.#sent.settle(failed(errorCode('connection-terminated')));
  }

  #settle(): void {
    const trailers = this.#trailers;
    if (!this.#isAtEnd || trailers === undefined) return;
    if (trailers.tag === 0) {
      this.#deliver(this.#outgoing.finish(trailers.value as Fields | undefined));
      return;
    }
    this.#outgoing.break();
    this.#sent.settle(trailers);
  }

  /** Good once it is there. */
  #deliver(finished: Variant): void {
    if (finished.tag !== 0 || this.#delivery === undefined) this.#sent.settle(finished);
    else void this.#delivery.then((result) => this.#sent.settle(result));
  }
}
