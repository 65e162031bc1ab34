/**
 * Guests of one serving thread, ready to run: the engine's face towards the request road.
 */
import type { Abi } from '../abi/abi.ts';
import type { Limits } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import { digestToWords, type LedgerPage } from '../ledger.ts';
import type { LoadedModule } from '../messages.ts';
import type { FolderKey } from '../names.ts';
import { Guest } from './guest.ts';
import { RunClock } from './run-clock.ts';
import { takeTrap } from './trap.ts';

export interface PoolOptions {
  readonly limits: Limits;
  readonly abis: ReadonlyMap<string, Abi>;
  readonly page: LedgerPage;
}

export class GuestPool {
  readonly #options: PoolOptions;
  readonly #clock: RunClock;
  readonly #trap = takeTrap();
  /** Digest words of the modules seen; a module leaves with its last reference. */
  readonly #digestWords = new WeakMap<LoadedModule, Int32Array>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#clock = new RunClock(options.limits.wallMsMax);
  }

  /**
   * A guest of `loaded` for one run of `folderKey`'s site. Rejects with `overloaded` when the site
   * has as many runs and waiting requests as it may.
   */
  async acquire(loaded: LoadedModule, _folderKey: FolderKey): Promise<Guest> {
    const abi = this.#options.abis.get(loaded.abi);
    if (abi === undefined) {
      throw new TerrafirmaError(
        'internal',
        `Cannot run the module: unknown ABI: received ${loaded.abi}`,
      );
    }
    return new Guest(loaded, abi, {
      limits: this.#options.limits,
      trap: this.#trap,
      clock: this.#clock,
      page: this.#options.page,
      digestWords: this.#wordsOf(loaded),
    });
  }

  /** Makes one guest ready before the first request asks for it. */
  warm(_loaded: LoadedModule): void {
    // Every run has a new instance so far: there is nothing to prepare.
  }

  close(): void {
    this.#clock.close();
  }

  #wordsOf(loaded: LoadedModule): Int32Array {
    const known = this.#digestWords.get(loaded);
    if (known !== undefined) return known;
    const words = digestToWords(loaded.digest);
    this.#digestWords.set(loaded, words);
    return words;
  }
}
