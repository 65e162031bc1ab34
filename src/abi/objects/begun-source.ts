/** A body of which some has been read already: its length is what is still to come. */
import type { ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';

type Source = ReadBody & { readonly trailers?: readonly Header[] | undefined };

export class BegunSource implements ReadBody {
  readonly #source: Source;
  #bytesDue: number;

  /** `bytesDue`: what `source` has not given yet. */
  constructor(source: Source, bytesDue: number) {
    this.#source = source;
    this.#bytesDue = bytesDue;
  }

  get knownBytes(): number {
    return this.#bytesDue;
  }

  get trailers(): readonly Header[] {
    return this.#source.trailers ?? [];
  }

  async read(): Promise<Uint8Array | undefined> {
    const piece = await this.#source.read();
    // One that gives more than it said is broken off by whoever goes by what it said.
    if (piece !== undefined) this.#bytesDue = Math.max(0, this.#bytesDue - piece.length);
    return piece;
  }

  cancel(): void {
    this.#source.cancel();
  }
}
