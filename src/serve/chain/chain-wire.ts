/**
 * The wire of a request that a link of middleware sends to what stands behind it: the request's
 * body comes from the link, and the answer goes back to it, each piece at the pace of who takes it.
 */
import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';
import type { OutboundRequest, ReplyBody, StreamedReply } from '../../capability/fetch/contract.ts';
import { CapabilityRefusal } from '../../capability/refusal.ts';
import { noBytes, type ReadBody } from '../../http/body.ts';
import type { ConnectionFacts } from '../../http/connection-facts.ts';
import type { Header } from '../../http/message.ts';
import { quickPieceBytes } from '../piece-size.ts';
import type { Wire, WireListener } from '../wire.ts';

/** What waits of an answer before more of it is held up. */
const waitingBytesMax = 64 * 1024;
/** Said anew by whoever answers the visitor. */
const requestId = 'x-request-id';

export interface ChainWireOptions {
  readonly body: OutboundRequest['body'];
  /** An answer to it has a length without a body. */
  readonly isHead: boolean;
  /** Of the visitor's connection. */
  readonly facts: () => ConnectionFacts;
}

export class ChainWire implements Wire {
  listener: WireListener | undefined;
  /** The link may have given the same bytes to somebody else, too. */
  readonly givesBodyAway = false;
  readonly pieceBytesMax = quickPieceBytes;
  readonly hasBody: boolean;
  readonly declaredBytes: number;
  readonly #options: ChainWireOptions;
  readonly #source: ReadBody | undefined;
  /** The answer, or why there is none. */
  #outcome: StreamedReply | CapabilityRefusal | undefined;
  /** Made where somebody waits for it: most have it at once. */
  #waiting: PromiseWithResolvers<StreamedReply> | undefined;
  readonly #answer: Answer;
  /** Made when it is read: most requests have none. */
  #body: Readable | undefined;
  #isReceived: boolean;
  #isFinished = false;
  #isClosed = false;

  constructor(options: ChainWireOptions) {
    const { body } = options;
    this.#options = options;
    this.#source = body instanceof Uint8Array ? undefined : body;
    const knownBytes = body instanceof Uint8Array ? body.length : body.knownBytes;
    this.declaredBytes = knownBytes ?? 0;
    this.hasBody = knownBytes !== 0;
    this.#isReceived = body instanceof Uint8Array;
    this.#answer = new Answer({
      onTaken: () => this.listener?.wireDrained(),
      onGone: () => this.giveUp(),
    });
  }

  get body(): Readable {
    const { body } = this.#options;
    this.#body ??= body instanceof Uint8Array ? Readable.from([body]) : this.#read(body);
    return this.#body;
  }

  /** A promise where it is not there yet, or rejects with a CapabilityRefusal: there is none. */
  get reply(): StreamedReply | Promise<StreamedReply> {
    const outcome = this.#outcome;
    if (outcome instanceof CapabilityRefusal) return Promise.reject(outcome);
    if (outcome !== undefined) return outcome;
    this.#waiting ??= Promise.withResolvers<StreamedReply>();
    return this.#waiting.promise;
  }

  /** Nobody wants the answer, or the rest of it. */
  giveUp(): void {
    this.destroy();
  }

  get rawTrailers(): readonly string[] {
    return this.#source?.trailers?.flat() ?? [];
  }

  get isReceived(): boolean {
    return this.#isReceived;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  factsFor(): ConnectionFacts {
    return this.#options.facts();
  }

  sendContinue(): void {
    // The link sends in any case.
  }

  sendInterim(): boolean {
    return false;
  }

  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void {
    this.#give(status, headers, body?.length ?? 0);
    if (body !== undefined && body.length > 0) this.#answer.add(body);
    this.end();
  }

  sendHead(status: number, headers: string[]): void {
    this.#give(status, headers, undefined);
  }

  flushHead(): void {
    // The link has it already.
  }

  write(chunk: Uint8Array): boolean {
    return this.#answer.add(chunk);
  }

  end(trailers: readonly Header[] = []): void {
    this.#answer.end(trailers);
    this.#isFinished = true;
    this.#close();
  }

  keepBody(): void {
    // It lasts as long as its link.
  }

  leaveBody(): void {
    if (!this.#isReceived) this.#source?.cancel();
    this.#isReceived = true;
  }

  closed(): void {
    // Nothing is limited.
  }

  destroy(): void {
    if (this.#isClosed) return;
    const broken = new CapabilityRefusal('connection', 'Cannot go on: what is behind broke off');
    this.#outcome ??= broken;
    this.#waiting?.reject(broken);
    this.#answer.break(broken);
    this.leaveBody();
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.listener?.wireClosed();
  }

  #give(status: number, flat: readonly string[], wholeBytes: number | undefined): void {
    const headers: Header[] = [];
    let knownBytes = wholeBytes;
    for (let at = 0; at < flat.length; at += 2) {
      const name = (flat[at] ?? '').toLowerCase();
      const value = flat[at + 1] ?? '';
      const isLength = name === 'content-length';
      if (isLength && wholeBytes === undefined) knownBytes = Number(value);
      if (name === requestId) continue;
      headers.push([name, value]);
    }
    this.#answer.knownBytes = this.#options.isHead ? 0 : knownBytes;
    const reply = { status, headers, body: this.#answer };
    this.#outcome ??= reply;
    this.#waiting?.resolve(reply);
  }

  /** One piece at a time, when it is wanted. */
  #read(source: ReadBody): Readable {
    const onEnd = (): void => {
      this.#isReceived = true;
    };
    return new Readable({
      highWaterMark: 1,
      read() {
        source.read().then(
          (piece) => {
            if (piece === undefined) onEnd();
            this.push(piece ?? null);
          },
          (error: unknown) => this.destroy(error instanceof Error ? error : undefined),
        );
      },
      destroy(_error, callback) {
        source.cancel();
        callback(null);
      },
    });
  }
}

/** The body of an answer on its way to the link. */
class Answer implements ReplyBody {
  knownBytes: number | undefined;
  trailers: readonly Header[] = [];
  readonly #tell: { readonly onTaken: () => void; readonly onGone: () => void };
  readonly #pieces: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #fault: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(tell: { readonly onTaken: () => void; readonly onGone: () => void }) {
    this.#tell = tell;
  }

  get heldBytes(): number {
    return this.#waitingBytes;
  }

  get whole(): Uint8Array | undefined {
    const isRead = this.#isEnded && this.#fault === undefined && this.trailers.length === 0;
    if (!isRead) return undefined;
    const [only = noBytes] = this.#pieces;
    return this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : only;
  }

  /** False when there should be no more until some is taken. The piece is this one's. */
  add(piece: Uint8Array): boolean {
    this.#pieces.push(piece);
    this.#waitingBytes += piece.length;
    this.#wake?.();
    return this.#waitingBytes < waitingBytesMax;
  }

  end(trailers: readonly Header[]): void {
    this.trailers = trailers;
    this.#isEnded = true;
    this.#wake?.();
  }

  break(fault: Error): void {
    this.#fault = fault;
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) return this.#taken(piece);
      if (this.#isEnded) return undefined;
      if (this.#fault !== undefined) throw this.#fault;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  cancel(): void {
    if (this.#isEnded && this.#pieces.length === 0) return;
    this.#pieces.length = 0;
    this.#waitingBytes = 0;
    if (!this.#isEnded) this.#tell.onGone();
  }

  #taken(piece: Uint8Array): Uint8Array {
    const isHeldUp = this.#waitingBytes >= waitingBytesMax;
    this.#waitingBytes -= piece.length;
    if (isHeldUp && this.#waitingBytes < waitingBytesMax) this.#tell.onTaken();
    return piece;
  }
}
