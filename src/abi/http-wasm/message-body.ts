/** The body of a message on its way through a handler, which may read it, or write another. */
import { Body, type BodyOptions } from '../objects/body.ts';
import { HeaderMap } from '../objects/headers.ts';

export class MessageBody {
  /** Whether what is read goes on to whoever is next all the same. */
  isKept = false;
  readonly #options: BodyOptions;
  /** As it came, from where it was read to on. */
  readonly #rest: Body;
  #kept: Body | undefined;
  #written: Body | undefined;
  #writtenBytes = 0;
  /** What the handler has made of the fields after the body; undefined: it has not looked. */
  #trailers: HeaderMap | undefined;
  /** Those that came are among them. */
  #hasTrailers = false;

  constructor(rest: Body, options: BodyOptions) {
    this.#rest = rest;
    this.#options = options;
  }

  get isWritten(): boolean {
    return this.#written !== undefined;
  }

  /** Of what was written. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /**
   * The next of what came, at most so many bytes; none at the end, undefined where one must wait.
   *
   * @throws ObjectError `limit`, `memory`; or what broke the body off
   */
  take(bytesMax: number): Uint8Array | undefined {
    const piece = this.#rest.readNow(bytesMax);
    const isLost = !this.isKept || this.#written !== undefined;
    if (piece === undefined || piece.length === 0 || isLost) return piece;
    this.#kept ??= new Body(this.#options);
    this.#kept.write(piece);
    return piece;
  }

  /** Resolves when `take` has an answer. */
  whenReady(): Promise<void> {
    return this.#rest.whenReady();
  }

  /**
   * Adds bytes, which it owns from here on, to the body that goes on in place of the one that came.
   *
   * @throws ObjectError `limit`, `memory`
   */
  write(bytes: Uint8Array): void {
    this.#written ??= new Body(this.#options);
    this.#written.write(bytes);
    this.#writtenBytes += bytes.length;
  }

  /** The fields after the body: what came of them once it was read to its end, and own ones. */
  get trailers(): HeaderMap {
    const { headerLimits } = this.#options;
    const came = this.#hasTrailers ? undefined : this.#rest.trailers;
    if (came !== undefined) {
      const own = this.#trailers?.lines() ?? [];
      this.#trailers = HeaderMap.of([...came, ...own], headerLimits);
      this.#hasTrailers = true;
    }
    this.#trailers ??= new HeaderMap(headerLimits);
    return this.#trailers;
  }

  /** What goes on; this one is empty then. */
  handOver(): Body {
    const trailers = this.#trailers?.lines() ?? [];
    const whole = this.#takeBytes();
    for (const [name, value] of trailers) whole.addTrailer(name, value);
    return whole;
  }

  #takeBytes(): Body {
    const [kept, written] = [this.#kept, this.#written];
    this.#kept = undefined;
    if (written !== undefined) {
      this.#rest.close();
      kept?.close();
      return written;
    }
    if (this.#hasTrailers) {
      // It is at its end, and its trailers would come twice.
      this.#rest.close();
      return kept ?? new Body(this.#options);
    }
    if (kept === undefined) return this.#rest;
    kept.append(this.#rest);
    return kept;
  }

  /** Nobody wants it. Never throws. */
  release(): void {
    this.#rest.abandon();
    this.#kept?.abandon();
    this.#written?.abandon();
  }
}
