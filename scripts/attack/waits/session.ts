/** Has the daemon's threads note where Alice's requests wait while an attack lasts. */
import type { Experience } from '../alice.ts';
import { machineMs } from '../watching/machine-clock.ts';
import type { Watching } from '../watching/session.ts';
import { WatchedThreads } from '../watching/threads.ts';
import { describeWaits, type ThreadWaits } from './report.ts';

export class WaitSession implements Watching {
  readonly #alice: string;
  readonly #threads = new WatchedThreads({
    variable: 'WATCHED_WAITS',
    program: new URL('./watch.ts', import.meta.url),
  });
  #startedAtMs = 0;

  /** `alice` is the key of her as an owner. */
  constructor(alice: string) {
    this.#alice = alice;
  }

  get environment(): Readonly<Record<string, string>> {
    return this.#threads.environment;
  }

  prepare(): Promise<void> {
    return this.#threads.begin();
  }

  begin(): void {
    this.#startedAtMs = machineMs();
  }

  async end({ visits }: Experience): Promise<string[]> {
    const threads = (await this.#threads.end()) as ThreadWaits[];
    return describeWaits(visits, threads, { alice: this.#alice, startedAtMs: this.#startedAtMs });
  }

  [Symbol.dispose](): void {
    this.#threads[Symbol.dispose]();
  }
}
