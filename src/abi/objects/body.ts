/**
 * A body as guests hold it. It begins as something that is filled or was received, and that one may
 * read. When it is sent while the guest goes on writing it becomes the write end of the transfer,
 * under the same handle; then it cannot be read any more.
 */
import type { ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import { BodyContents, type SourceBody } from './contents.ts';
import { type HeaderLimits, HeaderMap, heldBytesOfLine } from './headers.ts';
import type { HeldForRun } from './held-for-run.ts';
import { ObjectError } from './object-error.ts';
import type { ReadyItem } from './ready.ts';
import { tee } from './tee.ts';

export interface BodyOptions {
  readonly held: HeldForRun;
  /** Of its trailers. */
  readonly headerLimits: HeaderLimits;
}

export class Body implements ReadyItem {
  readonly #options: BodyOptions;
  readonly #contents: BodyContents;
  #trailers: HeaderMap | undefined;
  #state: 'own' | 'streaming' | 'gone' = 'own';

  constructor(options: BodyOptions) {
    this.#options = options;
    this.#contents = new BodyContents(options.held);
  }

  /** One that was received, or is still arriving. */
  static of(source: SourceBody, options: BodyOptions): Body {
    const body = new Body(options);
    body.#contents.addSource(source);
    return body;
  }

  /** Whether it is the write end of a transfer. */
  get isStreaming(): boolean {
    return this.#state === 'streaming';
  }

  /** Of a write end: nobody takes what is written any more. */
  get isUnwanted(): boolean {
    return this.isStreaming && this.#contents.isCancelled;
  }

  /** Undefined where that is not known, and of a write end. */
  get knownBytes(): number | undefined {
    return this.#contents.knownBytes;
  }

  /** To read: bytes are there, or the end. A write end: there is room to write. */
  get isReady(): boolean {
    return this.isStreaming ? this.#contents.hasRoom : this.#contents.isReady;
  }

  async whenReady(): Promise<void> {
    if (this.isStreaming) await this.#contents.whenRoom();
    else await this.#contents.whenReady();
  }

  /**
   * Up to so many bytes, none at the end; a promise where they must be waited for.
   *
   * @throws ObjectError `state` of a write end; or what broke the body off.
   */
  read(bytesMax: number): Uint8Array | Promise<Uint8Array> {
    this.#require('own', 'read');
    return this.#contents.take(bytesMax) ?? this.#readLater(bytesMax);
  }

  /** The same without waiting: undefined where one must. */
  readNow(bytesMax: number): Uint8Array | undefined {
    this.#require('own', 'read');
    return this.#contents.take(bytesMax);
  }

  /** Bytes that `readNow` could give; 0 at the end, undefined where one must wait. */
  get readyBytes(): number | undefined {
    return this.#contents.readyBytes;
  }

  /** Why it broke off. */
  get failure(): Error | undefined {
    return this.#contents.failure;
  }

  /**
   * Adds bytes, which the body owns from here on. A promise where the writer should wait for the
   * reader (back-pressure), of a write end alone.
   *
   * @throws ObjectError `limit`, `memory`; `state` for the front of a write end.
   */
  write(bytes: Uint8Array, end: 'back' | 'front' = 'back'): Promise<void> | undefined {
    this.#require(end === 'front' ? 'own' : 'there', 'write');
    this.#contents.addBytes(bytes, end);
    return this.isStreaming ? this.#contents.whenRoom() : undefined;
  }

  /**
   * Moves all of `other` to the end of this one, trailers too, without copying; `other` is gone.
   * What is still to come of it is read when a reader has come so far.
   *
   * @throws ObjectError `state`, `limit`
   */
  append(other: Body): void {
    this.#require('there', 'append');
    other.#require('own', 'append');
    if (other === this) throw new ObjectError('state', 'Cannot append: not a body to itself');
    const trailers = this.#trailersWith(other);
    this.#contents.takeFrom(other.#contents);
    // Both are counted already.
    this.#trailers = trailers;
    other.#trailers = undefined;
    other.#state = 'gone';
  }

  /** @throws ObjectError `limit`; nothing is changed. */
  #trailersWith(other: Body): HeaderMap | undefined {
    if (this.#trailers === undefined || other.#trailers === undefined) {
      return this.#trailers ?? other.#trailers;
    }
    const together = this.#trailers.copy();
    for (const [name, value] of other.#trailers.lines()) together.appendSound(name, value);
    return together;
  }

  /** @throws ObjectError `syntax`, `limit`, `state` */
  addTrailer(name: string, value: string): void {
    this.#require('there', 'add a trailer');
    const { headerLimits, held } = this.#options;
    const bytes = heldBytesOfLine(name, value);
    held.hold(bytes);
    try {
      this.#trailers ??= new HeaderMap(headerLimits);
      this.#trailers.append(name, value);
    } catch (error) {
      held.release(bytes);
      throw error;
    }
  }

  /**
   * Those of the body; undefined until it was read to its end.
   *
   * @throws ObjectError `state` of a write end.
   */
  get trailers(): readonly Header[] | undefined {
    this.#require('own', 'read trailers');
    if (!this.#contents.isAtEnd) return undefined;
    return [...this.#contents.trailers, ...(this.#trailers?.lines() ?? [])];
  }

  /** Two bodies with the same contents, where both are read or cancelled; this one is gone. */
  tee(): [Body, Body] {
    const [one, other] = tee(this.handOver());
    return [Body.of(one, this.#options), Body.of(other, this.#options)];
  }

  /**
   * All of it where all of it is here, for who wants to send it in one write; this one is gone
   * then. Undefined, and nothing happens, where some of it is still to come, or has trailers.
   */
  takeWhole(): Uint8Array | undefined {
    this.#require('own', 'send');
    if (this.#trailers !== undefined || this.#contents.trailers.length > 0) return undefined;
    const whole = this.#contents.takeWhole();
    if (whole !== undefined) this.#state = 'gone';
    return whole;
  }

  /**
   * Its contents, to be read by somebody else, such as a connection; this one is gone. What came
   * from a connection and was not touched is passed on as it came.
   *
   * @throws ObjectError `state` of a write end.
   */
  handOver(): SourceBody {
    this.#require('own', 'send');
    this.#state = 'gone';
    const only = this.#trailers === undefined ? this.#contents.onlySource : undefined;
    if (only !== undefined) return only;
    this.#passTrailers();
    return this.#contents;
  }

  /**
   * The read side of a transfer that begins with what is here; from here on this is its write end.
   * It is ready when something is to be read; its length is known once the write end was closed.
   *
   * @throws ObjectError `state` when it is one already.
   */
  startStreaming(): ReadBody & ReadyItem {
    this.#require('own', 'send');
    this.#state = 'streaming';
    this.#contents.open();
    return this.#contents;
  }

  /** The good end: of a write end, the transfer is whole; else what is here is dropped. */
  close(): void {
    const { isStreaming } = this;
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    if (!isStreaming) {
      this.#dropTrailers();
      this.#contents.cancel();
      return;
    }
    this.#passTrailers();
    this.#contents.close();
  }

  /** The bad end: whoever gets the transfer sees that it is not whole. */
  abandon(): void {
    const { isStreaming } = this;
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#dropTrailers();
    if (isStreaming) this.#contents.fail(new Error('Cannot go on: the body was abandoned'));
    else this.#contents.cancel();
  }

  async #readLater(bytesMax: number): Promise<Uint8Array> {
    for (;;) {
      await this.#contents.whenReady();
      const bytes = this.#contents.take(bytesMax);
      if (bytes !== undefined) return bytes;
    }
  }

  #passTrailers(): void {
    this.#contents.addTrailers(this.#trailers?.lines() ?? []);
    this.#dropTrailers();
  }

  #dropTrailers(): void {
    this.#options.held.release(this.#trailers?.heldBytes ?? 0);
    this.#trailers = undefined;
  }

  #require(wanted: 'own' | 'there', action: string): void {
    const fits = wanted === 'own' ? this.#state === 'own' : this.#state !== 'gone';
    if (fits) return;
    const is = this.#state === 'gone' ? 'one that is gone' : 'the write end of a transfer';
    throw new ObjectError('state', `Cannot ${action}: not in this state of a body: received ${is}`);
  }
}
