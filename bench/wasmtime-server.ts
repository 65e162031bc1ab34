/** `wasmtime serve` as a server under load, on one thread. Touches another process. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { findPort } from './servers.ts';

/** WASMTIME names the program where it is not on the path. */
const program = process.env.WASMTIME ?? 'wasmtime';

export function isWasmtimeInstalled(): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

export class Wasmtime implements AsyncDisposable {
  readonly url: string;
  readonly #child: ReturnType<typeof spawn>;

  private constructor(file: string, options: readonly string[], port: number) {
    this.url = `http://127.0.0.1:${port}/`;
    const address = ['--addr', `127.0.0.1:${port}`];
    this.#child = spawn(program, ['serve', ...options, ...address, file], {
      // It tells of each connection that a load generator breaks off.
      stdio: 'ignore',
      // As many threads as ours.
      env: { ...process.env, TOKIO_WORKER_THREADS: '1' },
    });
  }

  /** @param options Of `wasmtime serve`. */
  static async start(file: string, options: readonly string[] = []): Promise<Wasmtime> {
    return new Wasmtime(file, options, await findPort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
