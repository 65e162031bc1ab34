/**
 * Whether the rollbacks of a folder may be others than when they were read last: reading them at
 * each glance, once a second for each folder in use, was a twentieth of the control plane's work.
 * The store tells of commits, its own process's at once and others' within a fraction of a second.
 */
import type { FolderKey } from '../../names.ts';
import type { SharedStore, Watch } from '../../outside/store/contract.ts';
import { pinsSpace } from './pins.ts';

export class PinNews {
  readonly #watch: Watch;
  #isTold = false;
  #mayDiffer = true;

  constructor(shared: SharedStore, folderKey: FolderKey) {
    this.#watch = shared.watch(pinsSpace(folderKey), () => this.note());
    this.#watch.ready.then(
      () => {
        this.#isTold = true;
        // Commits of before are told of by nobody.
        this.#mayDiffer = true;
      },
      // Nothing will be told: each look has to read.
      () => undefined,
    );
  }

  /** They may be others, or could not be read. */
  note(): void {
    this.#mayDiffer = true;
  }

  /** Whether they are to be read, which whoever asks does then. */
  take(): boolean {
    const mayDiffer = this.#mayDiffer || !this.#isTold;
    this.#mayDiffer = false;
    return mayDiffer;
  }

  close(): void {
    this.#watch.close();
  }
}
