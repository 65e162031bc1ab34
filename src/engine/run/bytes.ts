/** What the host keeps for a run, on the account of its owner, until the run is over. */

import type { HostMemory } from '../../abi/abi.ts';
import { Holding, type Share } from '../../account/share.ts';

export class RunBytes implements HostMemory {
  readonly #share: Share;
  /** Made when something is first kept: most runs keep nothing large. */
  #holding: Holding | undefined;
  #isOver = false;

  constructor(share: Share) {
    this.#share = share;
  }

  tryHold(bytes: number): boolean {
    if (this.#isOver) return false;
    this.#holding ??= new Holding(this.#share, 'run');
    return this.#holding.tryAdd(bytes);
  }

  release(bytes: number): void {
    this.#holding?.set(this.#holding.bytes - bytes);
  }

  close(): void {
    this.#isOver = true;
    this.#holding?.close();
  }
}
