/** The read side of bodies, which all rooms share: a piece at a time, on demand. */

import type { Header } from './message.ts';

/** Used wherever there is no body, or nothing left of one. */
export const noBytes: Uint8Array = new Uint8Array(0);

/**
 * The read side of a body: pieces on demand. Nothing is fetched ahead of the reader beyond what the
 * connection below holds by itself, so a reader that stops holds up the sender.
 */
export interface ReadBody {
  /** How many bytes there will be in all, where that is known beforehand. */
  readonly knownBytes: number | undefined;
  /** Of it, bytes that are here already, for who counts what is held. Left out: none. */
  readonly heldBytes?: number | undefined;
  /**
   * All that is left of it, where all is here already and no fields come after it: whoever takes
   * it cancels the body. Undefined where it must be read. Left out: it must.
   */
  readonly whole?: Uint8Array | undefined;
  /** Fields after the body; none before its end. Left out: there will be none. */
  readonly trailers?: readonly Header[] | undefined;
  /**
   * The next piece, not empty, which the reader owns from here on; undefined at the end, and again
   * after it. One call at a time. Rejects when the body breaks off; then there is nothing more.
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Nobody wants the rest: the sender is told, what is held is let go, a read under way settles.
   * Does nothing after the end. Never throws.
   */
  cancel(): void;
}

/** A body whose length others say, or that is read in another way: what it is of is not counted. */
export class PassedBody implements ReadBody {
  readonly knownBytes: number | undefined;
  readonly heldBytes: number | undefined;
  readonly #source: Omit<ReadBody, 'knownBytes'>;

  /** @param heldBytes Left out: who counts what is held has counted it. */
  constructor(
    source: Omit<ReadBody, 'knownBytes'>,
    how: { readonly knownBytes: number | undefined; readonly heldBytes?: number | undefined },
  ) {
    this.#source = source;
    this.knownBytes = how.knownBytes;
    this.heldBytes = how.heldBytes;
  }

  get trailers(): readonly Header[] | undefined {
    return this.#source.trailers;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#source.read();
  }

  cancel(): void {
    this.#source.cancel();
  }
}
