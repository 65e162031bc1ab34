/**
 * Times in which a thread could turn to nobody, and whose they were: V8's collector, which stops
 * all guests of the thread for the objects of one, and a stretch of one run that nothing cut short
 * (a large instance is made, a table put back). All by CPU time: a thread that waited for a core is
 * nobody's fault.
 *
 * A collection falls into whichever run happens to allocate next, so it is not that run's: it is
 * shared out by what owners have on the heap and have put there in the last seconds: an hour of an
 * honest owner's requests would outweigh what somebody else hoards now. Objects that die young
 * cost the collector next to nothing, and its pauses are too short to be counted. Nor does a run's
 * own stretch count that is no longer than instances of large programs take: it makes its owner
 * wait longer for the next turn (`owner-use.ts`), where collections come at any time. For the order
 * of turns, too, a collection is taken from the run in whose turn it fell and given to those whose
 * it was: she who runs a millisecond now and then would wait behind all others for it.
 */
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import type { Account } from '../../account/account.ts';
import type { OwnerKey } from '../../names.ts';
import { stallMsMin, type ThreadCpu } from './thread-cpu.ts';

export interface StallsOptions {
  readonly account: Pick<Account, 'fadeHeapUses' | 'heapUses'>;
  readonly cpu: ThreadCpu;
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
  /** Who has used how much of the thread; of a negative number, so much less. */
  readonly use: { charge(owner: OwnerKey, ms: number): void };
  /** The owner has held everybody up for so long, beyond what is nobody's business. */
  readonly onStall: (owner: OwnerKey, ms: number, nowMs: number) => void;
}

export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Stretch extends Interval {
  readonly owner: OwnerKey;
  readonly cpuMs: number;
  /** Of that, what was taken from its owner's use again. */
  takenBackMs: number;
}

/** Of a run's own stretch, in milliseconds of CPU: so long an instance of 10 MB may take. */
export const ownMsMin = 20;
/**
 * Of what is more, what is owed. The first ten visitors of a Python program have ten instances
 * made, each at a stretch; its owner waits for its turns as long as each took.
 */
const ownShare = 1 / 20;
/** The daemon's own part of what the collector looks through. */
const ownBytes = 8 * 1024 * 1024;
/** Shorter collections are no part of anything that is told here. */
const collectionMsMin = 1;
/** A collection is told a turn or two later than it was; a stretch waits for that. */
const settledAfterMs = 50;
/** So often half of what owners have put on the heap is forgotten. */
const fadeMs = 1_000;
/** Waiting to be settled; beyond that, a thread has other sorrows. */
const waitingMax = 256;

export class Stalls {
  readonly #options: StallsOptions;
  readonly #observer: PerformanceObserver;
  #collections: Interval[] = [];
  #stretches: Stretch[] = [];
  #fadedAtMs = 0;

  constructor(options: StallsOptions) {
    this.#options = options;
    this.#observer = new PerformanceObserver((list) => this.noteCollections(list.getEntries()));
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  close(): void {
    this.#observer.disconnect();
  }

  /** A run let go of the thread, which it had for so much CPU time: at least `stallMsMin`. */
  noteStretch(owner: OwnerKey, cpuMs: number, { fromMs, toMs }: Interval): void {
    if (this.#stretches.length >= waitingMax) return;
    this.#stretches.push({ owner, cpuMs, fromMs, toMs, takenBackMs: 0 });
  }

  /** As V8 tells them, at `startTime` and for `duration` milliseconds by the clock. */
  noteCollections(entries: readonly Pick<PerformanceEntry, 'startTime' | 'duration'>[]): void {
    for (const { startTime, duration } of entries) {
      if (duration < collectionMsMin || this.#collections.length >= waitingMax) continue;
      const collection = { fromMs: startTime, toMs: startTime + duration };
      this.#collections.push(collection);
      this.#takeBack(collection);
      if (duration >= stallMsMin) this.#shareOut(collection);
    }
  }

  /** To be called every moment: nothing to do where nothing took long. */
  settle(): void {
    const nowMs = this.#options.nowMs();
    this.#fade(nowMs);
    if (this.#collections.length === 0 && this.#stretches.length === 0) return;
    const isDue = ({ toMs }: Interval): boolean => nowMs - toMs >= settledAfterMs;
    for (const stretch of this.#stretches.filter(isDue)) this.#chargeRun(stretch, nowMs);
    this.#stretches = this.#stretches.filter((stretch) => !isDue(stretch));
    const oldestMs = this.#stretches.at(0)?.fromMs ?? nowMs - settledAfterMs;
    this.#collections = this.#collections.filter(({ toMs }) => toMs >= oldestMs);
  }

  #fade(nowMs: number): void {
    if (nowMs - this.#fadedAtMs < fadeMs) return;
    this.#fadedAtMs = nowMs;
    this.#options.account.fadeHeapUses();
  }

  /** From the use of those in whose turns it fell. */
  #takeBack(collection: Interval): void {
    for (const stretch of this.#stretches) {
      const leftMs = stretch.cpuMs - stretch.takenBackMs;
      const ms = Math.min(leftMs, overlapMs(stretch, collection));
      if (ms <= 0) continue;
      stretch.takenBackMs += ms;
      this.#options.use.charge(stretch.owner, -ms);
    }
  }

  #shareOut(collection: Interval): void {
    const { account, cpu, nowMs, use } = this.#options;
    const atMs = nowMs();
    const ms = Math.min(lengthOf(collection), cpu.longCpuMsWithin(collection, atMs));
    const uses = account.heapUses();
    if (ms < stallMsMin) return;
    const bytes = uses.reduce((sum, one) => sum + one.bytes, ownBytes);
    for (const { owner, bytes: own } of uses) {
      const share = own / bytes;
      use.charge(owner, ms * share);
      this.#charge(owner, (ms - stallMsMin) * share, atMs);
    }
  }

  /** Its own time, without that of the collections that fell into it. */
  #chargeRun(stretch: Stretch, nowMs: number): void {
    const collectedMs = this.#collections.reduce((sum, each) => sum + overlapMs(stretch, each), 0);
    const ownMs = stretch.cpuMs - collectedMs - ownMsMin;
    this.#charge(stretch.owner, ownMs * ownShare, nowMs);
  }

  #charge(owner: OwnerKey, ms: number, nowMs: number): void {
    if (ms > 0) this.#options.onStall(owner, ms, nowMs);
  }
}

function lengthOf({ fromMs, toMs }: Interval): number {
  return toMs - fromMs;
}

function overlapMs(one: Interval, other: Interval): number {
  return Math.max(0, Math.min(one.toMs, other.toMs) - Math.max(one.fromMs, other.fromMs));
}
