/** What the host keeps for a run, on the account of its owner, until the run is over. */

import type { HostMemory } from '../../abi/abi.ts';
import { letGo } from '../../account/let-go.ts';
import { Holding } from '../../account/share.ts';
import type { ObjectHeap } from '../supply/object-heap.ts';
import type { Activation } from './activation.ts';

type Owning = Pick<Activation, 'objects' | 'quota' | 'share' | 'shares'>;

export interface BytesParts {
  /** Of the thread. */
  readonly objects: ObjectHeap;
}

export class RunBytes implements HostMemory {
  readonly #run: Owning;
  readonly #parts: BytesParts;
  /** Made when something is first kept: most runs keep nothing large. */
  #holding: Holding | undefined;
  #isOver = false;
  #owned: Uint8Array | undefined;

  constructor(run: Owning, parts: BytesParts) {
    this.#run = run;
    this.#parts = parts;
  }

  tryHold(bytes: number): boolean {
    const { share } = this.#run;
    if (this.#isOver || share.isStalling) return false;
    this.#holding ??= new Holding(share, 'run');
    return this.#holding.tryAdd(bytes);
  }

  tryHoldObjects(bytes: number): boolean {
    if (this.#isOver) return false;
    const run = this.#run;
    run.objects ??= this.#parts.objects.open({ owner: run.shares.owner, share: run.share });
    const refusal = run.objects.tryTake(bytes);
    if (refusal === undefined) return true;
    run.quota.refusal = refusal;
    return false;
  }

  release(bytes: number): void {
    this.#holding?.set(this.#holding.bytes - bytes);
  }

  /** `bytes` are the run's alone: they go when it is over. */
  own(bytes: Uint8Array): void {
    this.#owned = bytes;
  }

  /** What is another run's alone is this one's from now on. */
  takeOver(from: RunBytes): void {
    this.#owned = from.#owned;
    from.#owned = undefined;
  }

  close(): void {
    this.#isOver = true;
    if (this.#owned !== undefined) letGo(this.#owned);
    this.#owned = undefined;
    this.#holding?.close();
  }
}
