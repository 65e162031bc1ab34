/**
 * What makes a module faster after it is served: one module at a time, in turn by owner, and while
 * nobody waits for a deploy.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnerQueue } from '../../account/owner-queue.ts';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';
import { Signal } from '../../threads/signal.ts';

export interface ImprovementsOptions {
  /** Does it all; a rejection puts it off. */
  readonly improve: (digest: Digest) => Promise<void>;
  readonly ownerOf: (digest: Digest) => OwnerKey;
  readonly journal: Journal;
}

/** After "no verdict can be had now": not before then. */
const retryMs = 60_000;
const waitingMax = 4_096;
/** The first answers of a module, for which others wait, do not share the machine with it. */
const firstAnswersMs = 500;
/** Deploys without end do not keep others slow for longer than this, each. */
const giveWayMsMax = 5_000;

export class Improvements {
  readonly #options: ImprovementsOptions;
  /** Modules with something to come; with the time before which it is not begun. */
  readonly #due = new Map<Digest, number>();
  /** Begun, or in the queue. */
  readonly #underWay = new Set<Digest>();
  readonly #queue = new OwnerQueue({
    runningMax: 1,
    queuedMax: waitingMax,
    nowMs: () => performance.now(),
  });
  readonly #deployed = new Signal();
  #deploys = 0;

  constructor(options: ImprovementsOptions) {
    this.#options = options;
  }

  /** Something of the module is still to come. */
  note(digest: Digest): void {
    if (!this.#due.has(digest)) this.#due.set(digest, 0);
  }

  /** Nothing is to come, or nobody has the module any more. */
  forget(digest: Digest): void {
    this.#due.delete(digest);
  }

  /** Somebody asks for the module: what is still to come may begin. */
  begin(digest: Digest): void {
    const notBeforeMs = this.#due.get(digest);
    if (notBeforeMs === undefined || performance.now() < notBeforeMs) return;
    if (this.#underWay.has(digest)) return;
    this.#underWay.add(digest);
    const beginsAtMs = performance.now() + firstAnswersMs;
    this.#queue
      .pass(this.#options.ownerOf(digest), () => this.#improve(digest, beginsAtMs))
      .catch((error: unknown) => this.#postpone(digest, error))
      .finally(() => this.#underWay.delete(digest));
  }

  /** Nothing is begun before that has ended. */
  async giveWayTo<T>(deploy: Promise<T>): Promise<T> {
    this.#deploys += 1;
    try {
      return await deploy;
    } finally {
      this.#deploys -= 1;
      if (this.#deploys === 0) this.#deployed.notify();
    }
  }

  async #improve(digest: Digest, beginsAtMs: number): Promise<void> {
    const waitMs = beginsAtMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
    if (this.#deploys > 0) await this.#deployed.next(giveWayMsMax);
    await this.#options.improve(digest);
    this.#due.delete(digest);
  }

  #postpone(digest: Digest, error: unknown): void {
    if (error instanceof TerrafirmaError && error.code === 'draining') return;
    this.#due.set(digest, performance.now() + retryMs);
    const reason = error instanceof TerrafirmaError ? error.message : describeError(error);
    this.#options.journal.tell('optimising-postponed', { digest, reason });
  }
}
