/**
 * Which modules are new to this process. Should it end without saying so, the next one finds who
 * was: each gets a mark. Modules with one mark are on probation a quarter of them at a time, so
 * that a daemon that was killed with hundreds of new ones has them back in minutes. Should it end
 * again, those that were in keep their mark and the others lose it; who was in alone gets the
 * second. Beside one without a mark it gets half of one: Mallory must not have an innocent one
 * quarantined with a single killer at the right moment.
 * What has done well before is not suspected again, unless nobody else was new.
 *
 * V8 optimises a function after some milliseconds of running, so that what it does to the process
 * it does soon. A module that bides its time finds the next probation twice as long.
 */
import { readFile } from 'node:fs/promises';
import { OwnerQueue } from '../../account/owner-queue.ts';
import { counted } from '../../amounts.ts';
import { describeError, fromErrorRecord } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { OwnerKey } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';
import type { TrialBook } from '../build/trial-book.ts';
import type { LeftBehind, Suspects } from './quarantine.ts';

export interface ProbationOptions {
  readonly suspects: Suspects;
  readonly book: TrialBook;
  readonly journal: Journal;
  /** How long a module is new; 0: nobody is suspected. */
  readonly probationMs: number;
  /** Those that came into use longest ago are forgotten first, as if they had done well. */
  readonly inUseMax?: number;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/**
 * So many ends a day are taken for kills by somebody, where every new module had been tried and the
 * kernel did not want memory. Whoever ends the process late gets no more out of it than that.
 */
const forgivenMax = 3;
const waitingMax = 1_024;
/** Modules in use that are remembered: the list is written whole with every new one. */
const inUseMaxDefault = 4_096;
/** In so many parts those with a mark come back, one after another. */
const suspectPartsMax = 4;
/** For an end that may as well have been the doing of one without a mark. */
const besideFreshMark = 1 / 2;
/** By how much a probation may grow. */
const probationFactorMax = 64;

export class Probation {
  readonly #options: ProbationOptions;
  readonly #bootId: string;
  readonly #probationMs: number;
  readonly #onProbation = new Map<Digest, NodeJS.Timeout>();
  /** Of them, those of which no guest was made yet. */
  readonly #untried = new Set<Digest>();
  readonly #oomKills: number | undefined;
  readonly #inUse = new Set<Digest>();
  readonly #beginning = new Map<Digest, Promise<void>>();
  /** Those with a mark, a part of them at a time: see above. */
  readonly #suspected: OwnerQueue;
  #writing: Promise<void> = Promise.resolve();
  #isWriteDue = false;
  #isTroubleTold = false;
  #isClosed = false;

  private constructor(
    options: ProbationOptions,
    was: {
      readonly bootId: string;
      readonly oomKills: number | undefined;
      readonly unexplainedEnds: number;
    },
  ) {
    this.#options = options;
    this.#bootId = was.bootId;
    this.#oomKills = was.oomKills;
    const factor = Math.min(probationFactorMax, 2 ** was.unexplainedEnds);
    this.#probationMs = options.probationMs * factor;
    this.#suspected = new OwnerQueue({
      runningMax: Math.max(1, Math.ceil(options.suspects.count / suspectPartsMax)),
      queuedMax: waitingMax,
      nowMs: () => performance.now(),
    });
  }

  /** Draws the consequences of how the last daemon ended. */
  static async open(options: ProbationOptions): Promise<Probation> {
    const { suspects, book, journal, nowMs } = options;
    const [bootId, oomKills] = [await readBootId(), await readOomKills()];
    const left = await suspects.readLeftBehind();
    if (left !== undefined && options.probationMs > 0 && left.bootId === bootId) {
      const isForgiven =
        wasKilled(left, oomKills) && (await suspects.countUnexplained(nowMs())) < forgivenMax;
      if (isForgiven) {
        const reason = `${counted(left.onProbation.size, 'module')} new, all of them tried before`;
        journal.tell('daemon-was-killed', { reason });
        await suspects.noteUnexplained(nowMs());
      } else await blame(suspects, left.onProbation);
      if (left.onProbation.size === 0 && left.inUse.size > 0) {
        const reason = `${counted(left.inUse.size, 'module')} in use, none of them new`;
        journal.tell('modules-new-again', { reason });
        for (const digest of left.inUse) await book.noteSurvival(digest, false);
        await suspects.noteUnexplained(nowMs());
      }
    }
    await suspects.leaveNothing();
    const unexplainedEnds = await suspects.countUnexplained(nowMs());
    return new Probation(options, { bootId, oomKills, unexplainedEnds });
  }

  /**
   * Before a module is first handed out to run: whoever comes after this process knows of it when
   * this resolves. One with a mark waits for its turn among those with one.
   *
   * @throws TerrafirmaError 'module-quarantined', and 'overloaded' when too many wait
   */
  async begin(digest: Digest, owner: OwnerKey): Promise<void> {
    const refusal = this.#options.suspects.refusalOf(digest);
    if (refusal !== undefined) throw fromErrorRecord(refusal);
    const known = this.#beginning.get(digest);
    if (known !== undefined) return await known;
    if (this.#probationMs === 0 || this.#inUse.has(digest)) return;
    await this.#track(digest, this.#begin(digest, owner));
  }

  /**
   * One that is compiled may soon be handed out. If it has done well before it is noted meanwhile
   * that it is in use, which `begin` would have to wait for. Never rejects.
   */
  async foresee(digest: Digest): Promise<void> {
    const isHere = this.#inUse.has(digest) || this.#beginning.has(digest);
    if (this.#probationMs === 0 || isHere || !this.#isTrusted(digest)) return;
    await this.#track(digest, this.#use(digest));
  }

  async #track(digest: Digest, beginning: Promise<void>): Promise<void> {
    this.#beginning.set(digest, beginning);
    await beginning.finally(() => this.#beginning.delete(digest));
  }

  #isTrusted(digest: Digest): boolean {
    const { suspects, book } = this.#options;
    return suspects.marksOf(digest) === 0 && book.hasSurvived(digest);
  }

  async #use(digest: Digest): Promise<void> {
    this.#noteUse(digest);
    await this.#write();
  }

  /** It is handed out anew, compiled by another compiler: then it is new once more. */
  renew(digest: Digest): void {
    if (!this.#onProbation.has(digest)) this.#inUse.delete(digest);
  }

  /** A guest of it was made, and the process is still there: see `forgivenMax`. */
  noteReady(digest: Digest): void {
    if (this.#untried.delete(digest)) void this.#write();
  }

  /** The daemon ends as it should: nobody is to blame. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#onProbation.values()) clearTimeout(timer);
    await this.#writing;
    await this.#options.suspects.leaveNothing();
  }

  async #begin(digest: Digest, owner: OwnerKey): Promise<void> {
    if (this.#isTrusted(digest)) return await this.#use(digest);
    if (this.#options.suspects.marksOf(digest) === 0) {
      await this.#enter(digest, () => undefined);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#suspected
        .pass(owner, async () => {
          const { promise: over, resolve: end } = Promise.withResolvers<void>();
          await this.#enter(digest, end);
          resolve();
          await over;
        })
        .catch(reject);
    });
  }

  async #enter(digest: Digest, onOver: () => void): Promise<void> {
    const leave = (): void => {
      onOver();
      void this.#leave(digest);
    };
    this.#onProbation.set(digest, setTimeout(leave, this.#probationMs).unref());
    this.#untried.add(digest);
    this.#noteUse(digest);
    await this.#write();
  }

  #noteUse(digest: Digest): void {
    const { inUseMax = inUseMaxDefault } = this.#options;
    this.#inUse.add(digest);
    const [oldest] = this.#inUse;
    if (this.#inUse.size > inUseMax && oldest !== undefined) this.#inUse.delete(oldest);
  }

  async #leave(digest: Digest): Promise<void> {
    const { suspects, book, journal } = this.#options;
    this.#onProbation.delete(digest);
    this.#untried.delete(digest);
    if (this.#isClosed) return;
    try {
      await book.noteSurvival(digest, true);
      await suspects.clear(digest);
      await this.#write();
    } catch (error) {
      journal.tell('probation-end-not-kept', { digest, reason: describeError(error) });
    }
  }

  /** Writes what holds now; what is asked for meanwhile is written once, after it. */
  async #write(): Promise<void> {
    if (!this.#isWriteDue) {
      this.#isWriteDue = true;
      this.#writing = this.#writing.then(() => this.#writeNow());
    }
    await this.#writing;
  }

  async #writeNow(): Promise<void> {
    this.#isWriteDue = false;
    if (this.#isClosed) return;
    const { suspects, journal } = this.#options;
    const onProbation = new Set(this.#onProbation.keys());
    const machine = { bootId: this.#bootId, oomKills: this.#oomKills };
    const left = { ...machine, onProbation, untried: this.#untried, inUse: this.#inUse };
    try {
      await suspects.leaveBehind(left);
      this.#isTroubleTold = false;
    } catch (error) {
      // A full disk must not close every site: who runs goes on, without a mark.
      if (this.#isTroubleTold) return;
      this.#isTroubleTold = true;
      journal.tell('modules-not-marked', { reason: describeError(error) });
    }
  }
}

/** A module that ends the process does so when it first runs, or by the memory that it takes. */
function wasKilled({ onProbation, untried, ...left }: LeftBehind, oomKills?: number): boolean {
  const hadMemory = oomKills !== undefined && left.oomKills === oomKills;
  return onProbation.size > 0 && untried.size === 0 && hadMemory;
}

/** Of several with a mark nobody knows which one it was: only that it was none of the others. */
async function blame(suspects: Suspects, onProbation: ReadonlySet<Digest>): Promise<void> {
  const marked = [...onProbation].filter((digest) => suspects.marksOf(digest) > 0);
  const fresh = [...onProbation].filter((digest) => !marked.includes(digest));
  const [first] = marked;
  if (first !== undefined && marked.length === 1) {
    await suspects.mark(first, fresh.length === 0 ? 1 : besideFreshMark);
  }
  if (marked.length > 1) await suspects.narrowTo(onProbation);
  for (const digest of fresh) await suspects.mark(digest);
}

/** Processes that the kernel has ended for want of memory; undefined where it does not say. */
async function readOomKills(): Promise<number | undefined> {
  try {
    const [, count] = /^oom_kill (\d+)$/m.exec(await readFile('/proc/vmstat', 'latin1')) ?? [];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}

/** Changes when the machine starts anew; always the same where the system does not tell. */
async function readBootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
  } catch {
    return 'unknown';
  }
}
