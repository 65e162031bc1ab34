/** What the host keeps for a run, on the account of its owner, until the run is over. */

import type { HostMemory } from '../../abi/abi.ts';
import { letGo } from '../../account/let-go.ts';
import { Holding, type Share } from '../../account/share.ts';

export class RunBytes implements HostMemory {
  readonly #share: Share;
  /** Made when something is first kept: most runs keep nothing large. */
  #holding: Holding | undefined;
  #isOver = false;
  #owned: Uint8Array | undefined;

  constructor(share: Share) {
    this.#share = share;
  }

  tryHold(bytes: number): boolean {
    if (this.#isOver || this.#share.isStalling) return false;
    this.#holding ??= new Holding(this.#share, 'run');
    return this.#holding.tryAdd(bytes);
  }

  release(bytes: number): void {
    this.#holding?.set(this.#holding.bytes - bytes);
  }

  /** `bytes` are the run's alone: they go when it is over. */
  own(bytes: Uint8Array): void {
    this.#owned = bytes;
  }

  close(): void {
    this.#isOver = true;
    if (this.#owned !== undefined) letGo(this.#owned);
    this.#owned = undefined;
    this.#holding?.close();
  }
}
