/**
 * Loaded into the daemon before its own code (`--import`), by `npm run attack -- --turns` alone:
 * watches how long the turns of each thread's event loop take by CPU time, which other programs on
 * the machine do not change, and what was done in the long ones. Touches the directory that
 * `WATCHED_TURNS` names: watches while it holds a file `on`, and then writes a file a thread.
 */
import { type Profiler, type Runtime, Session } from 'node:inspector/promises';
import { createHistogram, type PerformanceNodeEntry, PerformanceObserver } from 'node:perf_hooks';
import { ownName, type ThreadWatch, watchOwnThread } from '../watching/own-thread.ts';
import type { Collection, ThreadTurns, Turn } from './report.ts';

/** Shorter turns are counted and not told one by one. */
const toldMs = 4;
const toldTurnsMax = 20_000;
const samplingUs = 1_000;

class Watch implements ThreadWatch {
  readonly #session = new Session();
  readonly #histogram = createHistogram();
  readonly #turns: Turn[] = [];
  readonly #collections: Collection[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as PerformanceNodeEntry;
      const { kind = 0 } = detail as { readonly kind?: number };
      this.#collections.push({ atMs: entry.startTime, ms: entry.duration, kind });
    }
  });
  #isOver = false;
  #cpuMs = 0;
  #last = { cpu: cpuMsNow(), active: activeMsNow(), at: performance.now() };

  async begin(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: samplingUs });
    await this.#session.post('Profiler.start');
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#last = { cpu: cpuMsNow(), active: activeMsNow(), at: performance.now() };
    this.#awaitTurn();
  }

  async end(): Promise<ThreadTurns> {
    this.#isOver = true;
    this.#observer.disconnect();
    const { profile } = await this.#session.post('Profiler.stop');
    this.#session.disconnect();
    return {
      thread: ownName(),
      turns: this.#histogram.count,
      cpuMs: this.#cpuMs,
      p50Ms: this.#histogram.percentile(50) / 1_000,
      p99Ms: this.#histogram.percentile(99) / 1_000,
      told: this.#turns,
      collections: this.#collections,
      samples: samplesOf(profile),
    };
  }

  /** Without a reference it is called in each turn, and keeps none from waiting. */
  #awaitTurn(): void {
    setImmediate(() => this.#note()).unref();
  }

  #note(): void {
    if (this.#isOver) return;
    const now = { cpu: cpuMsNow(), active: activeMsNow(), at: performance.now() };
    const cpuMs = now.cpu - this.#last.cpu;
    const activeMs = now.active - this.#last.active;
    this.#histogram.record(Math.max(1, Math.round(cpuMs * 1_000)));
    this.#cpuMs += cpuMs;
    if (activeMs >= toldMs && this.#turns.length < toldTurnsMax) {
      this.#turns.push({ fromMs: now.at - activeMs, toMs: now.at, cpuMs, activeMs });
    }
    this.#last = now;
    this.#awaitTurn();
  }
}

function cpuMsNow(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Without what the loop has waited for events. */
function activeMsNow(): number {
  return performance.eventLoopUtilization().active;
}

/** When each sample was taken, on the thread's own clock, and in what, innermost first. */
function samplesOf(profile: Profiler.Profile): ThreadTurns['samples'] {
  const stacks = new Map<number, readonly string[]>();
  const parents = new Map<number, number>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const { id, children } of profile.nodes) {
    for (const child of children ?? []) parents.set(child, id);
  }
  const stackOf = (id: number): readonly string[] => {
    const known = stacks.get(id);
    if (known !== undefined) return known;
    const stack: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame !== undefined && frame.functionName !== '(root)') stack.push(describe(frame));
    }
    stacks.set(id, stack);
    return stack;
  };
  // The profiler's clock is that of `hrtime`, the thread's own begins when the thread does.
  const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  let atUs = profile.startTime;
  return (profile.samples ?? []).map((id, number) => {
    atUs += profile.timeDeltas?.[number] ?? 0;
    return { atMs: atUs / 1_000 - originMs, stack: stackOf(id) };
  });
}

function describe({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  const file = url.split('/').slice(-2).join('/');
  return `${functionName || 'anonymous'}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`;
}

watchOwnThread('WATCHED_TURNS', async () => {
  const watch = new Watch();
  await watch.begin();
  return watch;
});
