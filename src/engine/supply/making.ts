/**
 * Who makes a guest of a program: of each owner one run at a time. To make a large one takes as
 * long as a hundred runs, in pieces between which others have their turns: were all that come at
 * once to make one each, the first answer would be there when the last guest is. Those who wait
 * take what has become free meanwhile. Owners do not wait for each other: one whose runs have their
 * turns seldom would hold up all others that have the same program.
 */
import type { Shares } from '../../account/shares.ts';
import type { OwnerKey } from '../../names.ts';
import type { Guest } from '../guest.ts';

/** The run that wants a guest. */
export interface Wanting {
  readonly shares: Pick<Shares, 'owner'>;
  /** Lets go of the thread until `work` has settled; rejects when the run is over. */
  suspend(work: Promise<unknown>): Promise<unknown>;
}

export interface GuestSource {
  readonly takeIdle: () => Guest | undefined;
  readonly create: () => Promise<Guest>;
}

export class Making {
  /** Of each program, for each owner the last in line; settles when the next one may go on. */
  readonly #lines = new WeakMap<object, Map<OwnerKey, Promise<void>>>();

  /**
   * A guest of `program` for a run that found none idle.
   *
   * @throws what `create` throws, and the trap where the run is over
   */
  async obtain(program: object, run: Wanting, { takeIdle, create }: GuestSource): Promise<Guest> {
    const { owner } = run.shares;
    const line = this.#lineOf(program);
    const before = line.get(owner);
    const { promise, resolve } = Promise.withResolvers<void>();
    line.set(owner, promise);
    let ahead = before;
    try {
      if (before === undefined) return await create();
      await run.suspend(before);
      ahead = undefined;
      return takeIdle() ?? (await create());
    } finally {
      // Who gave up while waiting leaves those behind it to wait for the same.
      resolve(ahead);
      if (line.get(owner) === promise) {
        if (ahead === undefined) line.delete(owner);
        else line.set(owner, ahead);
      }
    }
  }

  #lineOf(program: object): Map<OwnerKey, Promise<void>> {
    const known = this.#lines.get(program);
    if (known !== undefined) return known;
    const line = new Map<OwnerKey, Promise<void>>();
    this.#lines.set(program, line);
    return line;
  }
}
