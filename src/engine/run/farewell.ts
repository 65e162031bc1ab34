/** What becomes of a run whose client has gone: a guest that listens has some time to end. */
import type { Binding } from '../../abi/abi.ts';
import type { HostEnd } from '../turn/ending.ts';

/** The run, as this sees it. */
export interface Ended {
  end(cause: HostEnd): void;
}

export class Farewell {
  readonly #run: Ended;
  readonly #graceMs: number;
  #hasBegun = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param graceMs What a guest has after it was told, in milliseconds. */
  constructor(run: Ended, graceMs: number) {
    this.#run = run;
    this.#graceMs = graceMs;
  }

  /** @param binding Of the guest, once there is one. */
  begin(binding: Pick<Binding, 'cancel'> | undefined): void {
    this.#hasBegun = true;
    if (binding?.cancel?.() !== true) this.#run.end('abandoned');
    else this.#timer = setTimeout(() => this.#run.end('abandoned'), this.#graceMs);
  }

  /** The guest's code has ended: however it did, there is nobody left to answer. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#hasBegun) this.#run.end('abandoned');
  }
}
