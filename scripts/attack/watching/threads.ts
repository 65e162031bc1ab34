/**
 * Has the daemon's threads watch themselves while an attack lasts: they begin when a file `on` is
 * in a directory, and each writes what it saw there once it is gone. Touches that directory.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A thread puts together what it saw in this time. */
const writingMs = 4_000;
/** And begins in this. */
const beginningMsMax = 30_000;
const pollMs = 100;

export interface WatchedThreadsOptions {
  /** Names the directory to the daemon; see `own-thread.ts`. */
  readonly variable: string;
  /** What each thread loads before the daemon's own code. */
  readonly program: URL;
}

export class WatchedThreads implements Disposable {
  readonly #options: WatchedThreadsOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'terrafirma-watched-'));

  constructor(options: WatchedThreadsOptions) {
    this.#options = options;
  }

  /** For the daemon. */
  get environment(): Readonly<Record<string, string>> {
    const { program, variable } = this.#options;
    const options = process.env.NODE_OPTIONS ?? '';
    return {
      [variable]: this.#directory,
      NODE_OPTIONS: `${options} --import=${program.href}`,
    };
  }

  /** Resolves when all watch: to begin may hold a thread for long. */
  async begin(): Promise<void> {
    writeFileSync(this.#mark, '');
    const deadlineMs = performance.now() + beginningMsMax;
    while (this.#count('.begun') < this.#count('.known') && performance.now() < deadlineMs) {
      await pause(pollMs);
    }
  }

  /** What each thread saw. */
  async end(): Promise<unknown[]> {
    rmSync(this.#mark);
    await pause(writingMs);
    return readdirSync(this.#directory)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(this.#directory, name), 'utf8')));
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #mark(): string {
    return join(this.#directory, 'on');
  }

  #count(extension: string): number {
    return readdirSync(this.#directory).filter((name) => name.endsWith(extension)).length;
  }
}
