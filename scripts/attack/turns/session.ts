/** Has the daemon's threads watch their turns while an attack lasts. Touches a directory. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { type CoreUse, CoreWatch, describeCores } from './cores.ts';
import { describeTurns, type ThreadTurns } from './report.ts';

/** A thread puts its profile together in this time. */
const writingMs = 4_000;
/** And begins in this. */
const beginningMsMax = 30_000;
const pollMs = 100;

export class TurnSession implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'terrafirma-turns-'));
  readonly #delay = monitorEventLoopDelay({ resolution: 5 });
  #cores: readonly CoreWatch[] = [];
  #startedAtMs = 0;

  /** For the daemon. */
  get environment(): Readonly<Record<string, string>> {
    const options = process.env.NODE_OPTIONS ?? '';
    return {
      WATCHED_TURNS: this.#directory,
      NODE_OPTIONS: `${options} --import=${new URL('./watch.ts', import.meta.url).href}`,
    };
  }

  /** A profiler holds its thread for long when it begins: nothing should be measured meanwhile. */
  async prepare(): Promise<void> {
    writeFileSync(join(this.#directory, 'on'), '');
    const deadlineMs = performance.now() + beginningMsMax;
    while (this.#count('.begun') < this.#count('.known') && performance.now() < deadlineMs) {
      await pause(pollMs);
    }
  }

  begin(processes: Readonly<Record<string, number>>): void {
    this.#startedAtMs = performance.now();
    this.#cores = Object.entries({ ...processes, alice: process.pid }).map(
      ([name, pid]) => new CoreWatch(name, pid),
    );
    this.#delay.enable();
  }

  /** What was seen since `begin`, in lines. */
  async end(): Promise<string[]> {
    const elapsedMs = performance.now() - this.#startedAtMs;
    const uses: readonly CoreUse[] = this.#cores.flatMap((watch) => watch.read());
    this.#delay.disable();
    rmSync(join(this.#directory, 'on'));
    await pause(writingMs);
    return [
      ...describeCores(uses, elapsedMs),
      `  alice's own client was late by p99 ${(this.#delay.percentile(99) / 1e6).toFixed(1)} ms`,
      ...describeTurns(this.#readThreads()),
    ];
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #count(extension: string): number {
    return readdirSync(this.#directory).filter((name) => name.endsWith(extension)).length;
  }

  #readThreads(): ThreadTurns[] {
    return readdirSync(this.#directory)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(this.#directory, name), 'utf8')) as ThreadTurns);
  }
}
