/** Has the daemon's threads watch their turns while an attack lasts. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Experience } from '../alice.ts';
import type { Watching } from '../watching/session.ts';
import { WatchedThreads } from '../watching/threads.ts';
import { type CoreUse, CoreWatch, describeCores } from './cores.ts';
import { describeTurns, type ThreadTurns } from './report.ts';

export class TurnSession implements Watching {
  readonly #threads = new WatchedThreads({
    variable: 'WATCHED_TURNS',
    program: new URL('./watch.ts', import.meta.url),
  });
  readonly #delay = monitorEventLoopDelay({ resolution: 5 });
  #cores: readonly CoreWatch[] = [];
  #startedAtMs = 0;

  get environment(): Readonly<Record<string, string>> {
    return this.#threads.environment;
  }

  /** A profiler holds its thread for long when it begins: nothing should be measured meanwhile. */
  prepare(): Promise<void> {
    return this.#threads.begin();
  }

  begin(processes: Readonly<Record<string, number>>): void {
    this.#startedAtMs = performance.now();
    this.#cores = Object.entries({ ...processes, alice: process.pid }).map(
      ([name, pid]) => new CoreWatch(name, pid),
    );
    this.#delay.enable();
  }

  async end(_during: Experience): Promise<string[]> {
    const elapsedMs = performance.now() - this.#startedAtMs;
    const uses: readonly CoreUse[] = this.#cores.flatMap((watch) => watch.read());
    this.#delay.disable();
    return [
      ...describeCores(uses, elapsedMs),
      `  alice's own client was late by p99 ${(this.#delay.percentile(99) / 1e6).toFixed(1)} ms`,
      ...describeTurns((await this.#threads.end()) as ThreadTurns[]),
    ];
  }

  [Symbol.dispose](): void {
    this.#threads[Symbol.dispose]();
  }
}
