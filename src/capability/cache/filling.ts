/**
 * Writes a body into the cache: its pieces are copied into memory that all threads see, and the
 * keeper is told how far it is. One message is under way at a time, however small the pieces are,
 * and no more than a window of bytes that the keeper has not taken yet.
 */
import type { ReadBody } from '../../http/body.ts';
import type { ToKeeper } from './messages.ts';
import type { SharedBody } from './shared-body.ts';

/** Blocks double from the first to the last. */
const blockBytesMin = 64;
const blockBytesMax = 256 * 1024;
/** Written, and not yet taken by the keeper. */
const windowBytesMax = 1024 * 1024;

export interface FillingOptions {
  readonly body: SharedBody;
  readonly source: ReadBody;
  /** How long it will be; undefined where nobody has said it. */
  readonly knownBytes: number | undefined;
  readonly bytesMax: number;
  readonly tell: (message: ToKeeper) => void;
  readonly onOver: () => void;
}

export class Filling {
  readonly #options: FillingOptions;
  #block: Uint8Array = new Uint8Array(0);
  #blockUsed = 0;
  /** Blocks that the body has not got yet, and those that the keeper has not. */
  #fresh: SharedArrayBuffer[] = [];
  #unsent: SharedArrayBuffer[] = [];
  #bytes = 0;
  #sentBytes = 0;
  #takenBytes = 0;
  #isSending = false;
  #isDropped = false;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(options: FillingOptions) {
    this.#options = options;
  }

  /** Until the body has ended, well or not, or is as long as was said. Never rejects. */
  async run(): Promise<void> {
    const { body, onOver, source } = this.#options;
    const isWhole = await this.#copyAll();
    if (this.#isDropped) {
      body.passOn(source);
      this.#options.tell({ kind: 'ended', body: body.id, isWhole: false });
    } else {
      if (!isWhole) source.cancel();
      this.#send(true);
      body.end(isWhole);
      this.#options.tell({ kind: 'ended', body: body.id, isWhole });
    }
    onOver();
    if (isWhole) await readOn(source);
  }

  /** The keeper has it. */
  take(bytes: number, isDropped: boolean): void {
    this.#takenBytes = bytes;
    this.#isSending = false;
    this.#isDropped ||= isDropped;
    if (!this.#isDropped) this.#send();
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** The keeper is gone. */
  drop(): void {
    this.take(this.#sentBytes, true);
  }

  /** Whether that was all of a body as it should be. */
  async #copyAll(): Promise<boolean> {
    const { bytesMax, knownBytes, source } = this.#options;
    try {
      while (!this.#isDropped) {
        // Some kits never end what they have said the length of.
        if (this.#bytes === knownBytes) return true;
        const piece = await source.read();
        if (piece === undefined) return knownBytes === undefined;
        if (knownBytes !== undefined && this.#bytes + piece.length > knownBytes) return false;
        this.#add(piece);
        if (this.#bytes > bytesMax) this.#isDropped = true;
        this.#send();
        await this.#whenRoom();
      }
    } catch {
      // It has broken off: whoever writes it knows, and whoever reads it is told.
      return false;
    }
    return false;
  }

  #add(piece: Uint8Array): void {
    for (let done = 0; done < piece.length; ) {
      if (this.#blockUsed === this.#block.length) this.#openBlock(piece.length - done);
      const part = piece.subarray(done, done + this.#block.length - this.#blockUsed);
      this.#block.set(part, this.#blockUsed);
      this.#blockUsed += part.length;
      done += part.length;
      this.#bytes += part.length;
    }
    this.#options.body.grow(this.#takeFresh(), this.#bytes);
  }

  #openBlock(neededBytes: number): void {
    const { knownBytes } = this.#options;
    const wanted =
      knownBytes === undefined
        ? Math.max(neededBytes, this.#block.length * 2, blockBytesMin)
        : knownBytes - this.#bytes;
    const shared = new SharedArrayBuffer(Math.min(wanted, blockBytesMax));
    this.#block = new Uint8Array(shared);
    this.#blockUsed = 0;
    this.#fresh.push(shared);
    this.#unsent.push(shared);
  }

  #takeFresh(): readonly SharedArrayBuffer[] {
    return this.#fresh.splice(0);
  }

  #send(isLast = false): void {
    if (this.#bytes === this.#sentBytes || (this.#isSending && !isLast)) return;
    const { body, tell } = this.#options;
    this.#isSending = true;
    this.#sentBytes = this.#bytes;
    tell({ kind: 'grown', body: body.id, blocks: this.#unsent, bytes: this.#bytes });
    this.#unsent = [];
  }

  async #whenRoom(): Promise<void> {
    while (!this.#isDropped && this.#bytes - this.#takenBytes > windowBytesMax) {
      this.#room ??= Promise.withResolvers<void>();
      await this.#room.promise;
    }
  }
}

/** A server's connection is free once the end was read; what comes before it is nobody's. */
async function readOn(source: ReadBody): Promise<void> {
  try {
    while ((await source.read()) !== undefined);
  } catch {
    // It is whole, whatever became of its end.
  }
}
