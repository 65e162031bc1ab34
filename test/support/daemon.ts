/** The real daemon as a child process on a free port, for tests from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(import.meta.dirname, '../../src/main.ts');

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export interface TestDaemonOptions {
  /** After `serve`; `--listen`, `--state`, `--threads` have defaults unless given here. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Keep the state of an earlier daemon, which removes it in the end. */
  readonly stateDirectory?: string;
  /** Keep the state of this one, which has been stopped, and remove it in its place. */
  readonly after?: TestDaemon;
  readonly threads?: number;
  /** Its state lies where it lies when nobody says where. */
  readonly hasDefaultState?: boolean;
}

export class TestDaemon implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly log: LogLine[] = [];
  /** Lines of standard error: warnings a user would see. */
  readonly complaints: string[] = [];
  readonly stateDirectory: string;
  #ownsState: boolean;
  #port = 0;

  private constructor(child: ChildProcess, stateDirectory: string, ownsState: boolean) {
    this.child = child;
    this.stateDirectory = stateDirectory;
    this.#ownsState = ownsState;
  }

  static async start(options: TestDaemonOptions): Promise<TestDaemon> {
    const { after, stateDirectory: kept = after?.stateDirectory } = options;
    const stateDirectory = kept ?? mkdtempSync(join(tmpdir(), 'terrafirma-state-'));
    const args = ['serve', '--threads', String(options.threads ?? 2)];
    if (options.hasDefaultState !== true) args.push('--state', stateDirectory);
    if (!options.args.includes('--listen')) args.push('--listen', '127.0.0.1:0');
    const child = spawn(process.execPath, [PROGRAM, ...args, ...options.args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    let ownsState = kept === undefined;
    if (after !== undefined) {
      ownsState = after.#ownsState;
      after.#ownsState = false;
    }
    const daemon = new TestDaemon(child, stateDirectory, ownsState);
    await daemon.#waitUntilListening();
    return daemon;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Resolves with the first log line, old or new, that `matches`. */
  async waitForLog(matches: (line: LogLine) => boolean, timeoutMs = 60_000): Promise<LogLine> {
    return waitFor(() => this.log.find(matches), timeoutMs);
  }

  /** Sends the signal and resolves with how the process ended. */
  async stop(
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<{ code: number | null; signal: string | null }> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.#ended();
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
    return this.#ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    if (this.#ownsState) rmSync(this.stateDirectory, { recursive: true, force: true });
  }

  #ended(): { code: number | null; signal: string | null } {
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }

  async #waitUntilListening(): Promise<void> {
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new TypeError('Cannot read the daemon: no pipes');
    createInterface({ input: stdout }).on('line', (line) => this.log.push(JSON.parse(line)));
    createInterface({ input: stderr }).on('line', (line) => this.complaints.push(line));
    const listening = await waitFor(() => {
      if (this.child.exitCode !== null) {
        throw new Error(
          `the daemon ended with ${this.child.exitCode}: ${this.complaints.join('\n')}`,
        );
      }
      return this.log.find((line) => Array.isArray(line.listening));
    }, 60_000);
    const [first] = listening.listening as string[];
    this.#port = Number(new URL(first ?? '').port);
  }
}

/** Polls until `look` finds something. The time-out is a ceiling for broken runs, not a measure. */
export async function waitFor<T>(
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`nothing found within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
