/**
 * What becomes of a run whose client has gone: a guest that listens has some time to end. Made when
 * it goes, as most stay.
 */
import type { Binding } from '../../abi/abi.ts';
import type { HostEnd } from '../turn/ending.ts';

/** The run, as this sees it. */
export interface Ended {
  end(cause: HostEnd): void;
}

export class Farewell {
  readonly #run: Ended;
  readonly #timer: NodeJS.Timeout | undefined;

  /**
   * @param binding Of the guest, once there is one.
   * @param graceMs What a guest has after it was told, in milliseconds.
   */
  constructor(run: Ended, binding: Pick<Binding, 'cancel'> | undefined, graceMs: number) {
    this.#run = run;
    if (binding?.cancel?.() !== true) run.end('abandoned');
    else this.#timer = setTimeout(() => run.end('abandoned'), graceMs);
  }

  /** The guest's code has ended: however it did, there is nobody left to answer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#run.end('abandoned');
  }
}
