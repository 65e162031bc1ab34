/**
 * The first state that the guests of one artifact share, kept for as long as there are any: it may
 * be as large as their memory, and a thread remembers thousands of artifacts.
 */
import type { Steps } from '../../abi/steps.ts';
import type { Account } from '../../account/account.ts';
import { FirstState, type TakeOptions } from './first-state.ts';
import type { PageImage, PageMapper } from './page-mapper.ts';

export interface SharedStateOptions {
  readonly account: Account;
  /** Looked for when it is first wanted. */
  readonly mapper: () => PageMapper | undefined;
}

export class SharedState {
  readonly #options: SharedStateOptions;
  #first: FirstState | undefined;
  readonly #pages = new Map<number, PageImage>();
  #guests = 0;

  constructor(options: SharedStateOptions) {
    this.#options = options;
  }

  /** The shared one, while there is one. */
  get first(): FirstState | undefined {
    return this.#first;
  }

  /** The state of `memories` now: the shared one where it is the same, else one of its own. */
  *take(memories: readonly WebAssembly.Memory[], options: TakeOptions): Steps<FirstState> {
    const first = yield* FirstState.take(memories, this.#first, options);
    // Another guest's may have become the shared one meanwhile.
    if (this.#first === undefined) {
      this.#first = first;
      this.#options.account.common.charge('memory', first.byteLength);
    }
    return first;
  }

  isShared(first: FirstState): boolean {
    return first === this.#first;
  }

  /** One more guest is restored from it. */
  join(): void {
    this.#guests += 1;
  }

  /** One less; the last takes the state with it. */
  leave(): void {
    this.#guests -= 1;
    if (this.#guests > 0 || this.#first === undefined) return;
    this.#options.account.common.release('memory', this.#first.byteLength);
    this.#first = undefined;
    this.closePages();
  }

  /** The image of a memory, made once. */
  *openPages(memory: number): Steps<PageImage | undefined> {
    const image = this.#first?.images[memory];
    if (this.#pages.has(memory) || image === undefined) return this.#pages.get(memory);
    const mapper = this.#options.mapper();
    const made =
      mapper === undefined ? undefined : yield* mapper.createImage(image.bytes, image.start);
    // Somebody else may have made it meanwhile.
    const known = this.#pages.get(memory);
    if (known !== undefined) made?.close();
    else if (made !== undefined) this.#pages.set(memory, made);
    return known ?? made;
  }

  /** No further memory is mapped. */
  closePages(): void {
    for (const image of this.#pages.values()) image.close();
    this.#pages.clear();
  }
}
