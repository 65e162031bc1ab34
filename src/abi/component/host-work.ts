/** What an async function of the host does beside the guest. */
export class HostWork<T = unknown> {
  readonly done: Promise<T>;
  readonly giveUp: () => void;

  /** @param giveUp Nobody wants it any more. Never throws. */
  constructor(done: Promise<T>, giveUp: () => void) {
    this.done = done;
    this.giveUp = giveUp;
  }
}
