/**
 * Trial processes that are ready before they are wanted. One that has tried small modules tries
 * further ones: what passes there passes. What fails there is tried once more in a new process,
 * because what others left behind there must not count against a module.
 */

import { bytesOf, type TrialKind, TrialProcess, type TrialTask } from './trial-process.ts';
import type { TrialEnding } from './trial-watch.ts';

/** Code that one process is given: V8 holds up to 24 times as much, until it collects it. */
const triedBytesMax = 4 * 1024 * 1024;
/** Processes of each kind that wait: each holds some 20 MB of its own. */
const waitingMax: Readonly<Record<TrialKind, number>> = { quick: 2, baseline: 0, optimiser: 1 };
/** All but one of the kind that deploys wait for go when nobody has wanted them for so long. */
const restMsMax = 30_000;
/** A new one starts behind the compiling of what was just tried, which somebody waits for. */
const prepareAfterMs = 500;

interface Waiting {
  readonly process: TrialProcess;
  readonly timer: NodeJS.Timeout;
}

export class TrialProcesses {
  readonly #waiting: Readonly<Record<TrialKind, Set<Waiting>>> = {
    quick: new Set(),
    baseline: new Set(),
    optimiser: new Set(),
  };
  readonly #starting = new Set<Promise<void>>();
  #preparing: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Processes of that compiler that wait. */
  waitingCount(compiler: TrialKind): number {
    return this.#waiting[compiler].size;
  }

  /** Whether one that waits has room for these forms. */
  isReadyFor({ compiler, forms }: Omit<TrialTask, 'bounds'>): boolean {
    const bytes = bytesOf(forms);
    return [...this.#waiting[compiler]].some(({ process }) => hasRoomFor(process, bytes));
  }

  /** Has a process ready for the next deploy. Never fails: that one will say. */
  prepare(): void {
    if (this.#isClosed || this.#waiting.quick.size > 0 || this.#starting.size > 0) return;
    const starting = TrialProcess.start('quick').then(
      (process) => this.#putBack('quick', process),
      () => undefined,
    );
    this.#starting.add(starting);
    void starting.finally(() => this.#starting.delete(starting));
  }

  /**
   * Runs one trial to its end; `stop` ends it early.
   *
   * @throws TerrafirmaError `internal`: no process can be started.
   */
  async run(task: TrialTask, stop: AbortSignal): Promise<TrialEnding> {
    const process = this.#take(task) ?? (await TrialProcess.start(task.compiler));
    // What fails at once is tried anew by whoever asked.
    const wasUsed = process.triedBytes > 0 && task.compiler !== 'quick';
    const ending = await process.run(task, stop);
    if (wasUsed && ending.kind === 'failed') return await this.#runAnew(task, stop);
    this.#putBack(task.compiler, process);
    return ending;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#preparing);
    await Promise.all(this.#starting);
    for (const compiler of ['quick', 'baseline', 'optimiser'] as const) {
      for (const each of this.#waiting[compiler]) this.#drop(compiler, each).end();
    }
  }

  async #runAnew(task: TrialTask, stop: AbortSignal): Promise<TrialEnding> {
    const process = await TrialProcess.start(task.compiler);
    const ending = await process.run(task, stop);
    this.#putBack(task.compiler, process);
    return ending;
  }

  /** The one that was put back last and has room for the module; a new one has room for any. */
  #take({ compiler, forms }: TrialTask): TrialProcess | undefined {
    const bytes = bytesOf(forms);
    for (const each of [...this.#waiting[compiler]].reverse()) {
      const { process } = each;
      if (process.isEnded) this.#drop(compiler, each);
      else if (hasRoomFor(process, bytes)) return this.#drop(compiler, each);
    }
    return undefined;
  }

  #putBack(compiler: TrialKind, process: TrialProcess): void {
    const waiting = this.#waiting[compiler];
    if (process.isEnded || process.triedBytes >= triedBytesMax || this.#isClosed) process.end();
    else {
      process.rest();
      const timer = setInterval(() => this.#outwait(compiler, entry), restMsMax).unref();
      const entry: Waiting = { process, timer };
      waiting.add(entry);
      if (waiting.size > waitingMax[compiler]) this.#dropFullest(compiler);
    }
    if (compiler === 'quick') this.#prepareLater();
  }

  #prepareLater(): void {
    if (this.#isClosed) return;
    this.#preparing ??= setTimeout(() => {
      this.#preparing = undefined;
      this.prepare();
    }, prepareAfterMs).unref();
  }

  /** Those with hardly any room left would keep new ones out, and have each trial start its own. */
  #dropFullest(compiler: TrialKind): void {
    const [fullest] = [...this.#waiting[compiler]].sort(
      (one, other) => other.process.triedBytes - one.process.triedBytes,
    );
    if (fullest !== undefined) this.#drop(compiler, fullest).end();
  }

  #outwait(compiler: TrialKind, entry: Waiting): void {
    const isLast = compiler === 'quick' && this.#waiting.quick.size === 1;
    if (!isLast) this.#drop(compiler, entry).end();
  }

  #drop(compiler: TrialKind, entry: Waiting): TrialProcess {
    clearInterval(entry.timer);
    this.#waiting[compiler].delete(entry);
    return entry.process;
  }
}

/** A new one has room for any module. */
function hasRoomFor({ triedBytes }: TrialProcess, bytes: number): boolean {
  return triedBytes === 0 || triedBytes + bytes <= triedBytesMax;
}
