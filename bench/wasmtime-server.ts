/** `wasmtime serve` as a server under load, on one thread. Touches another process. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { placed } from './pinning.ts';
import { findPort } from './servers.ts';
import { Sleeper } from './sleeper.ts';

/** WASMTIME names the program where it is not on the path. */
const program = process.env.WASMTIME ?? 'wasmtime';

export function isWasmtimeInstalled(): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

export class Wasmtime implements AsyncDisposable {
  readonly url: string;
  readonly sleeper: Sleeper;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'terrafirma-wasmtime-'));
  readonly #child: ReturnType<typeof spawn>;

  private constructor(file: string, options: readonly string[], port: number) {
    this.url = `http://127.0.0.1:${port}/`;
    // Compiled before it is waited for: a large one takes a minute.
    const compiled = path.join(this.#directory, 'component.cwasm');
    const tuning = options.filter((each) => !each.startsWith('-S'));
    execFileSync(program, ['compile', ...tuning, file, '-o', compiled], { stdio: 'pipe' });
    const address = ['--addr', `127.0.0.1:${port}`];
    const args = ['serve', '--allow-precompiled', ...options, ...address, compiled];
    const [command, ...rest] = placed('server', [program, ...args]);
    this.#child = spawn(command, rest, {
      // It tells of each connection that a load generator breaks off.
      stdio: 'ignore',
      // As many threads as ours.
      env: { ...process.env, TOKIO_WORKER_THREADS: '1' },
    });
    this.sleeper = new Sleeper(this.#child);
  }

  /** @param options Of `wasmtime serve`. */
  static async start(file: string, options: readonly string[] = []): Promise<Wasmtime> {
    return new Wasmtime(file, options, await findPort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
