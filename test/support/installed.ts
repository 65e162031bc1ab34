/** The program as it was installed, started by its own command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** Without the bin directory of our own dependencies: what a system has. */
export const systemPath = (process.env.PATH ?? '')
  .split(path.delimiter)
  .filter((directory) => !directory.includes('node_modules'))
  .join(path.delimiter);

export interface Started {
  readonly port: number;
  readonly complaints: string;
  /** As a terminal does: every process of the group gets the signal. */
  interrupt(): Promise<{ code: number | null; signal: string | null }>;
  stop(): Promise<{ code: number | null; signal: string | null }>;
  /** Kills the program that was started, and nothing else. */
  kill(): Promise<unknown>;
}

/** Serves `directory` with `command` and waits until it says where. */
export async function serve(
  command: readonly string[],
  directory: string,
  searchPath = systemPath,
): Promise<Started> {
  const state = mkdtempSync(path.join(tmpdir(), 'terrafirma-installed-state-'));
  const [file = '', ...argv] = command;
  const flags = ['--listen', '127.0.0.1:0', '--threads', '1', '--state', state];
  const child = spawn(file, [...argv, 'serve', directory, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: searchPath, HOME: state },
  });
  const complaints: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  // Also of what it has started, which may write to the state until then.
  const exited = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const listening = (async () => {
    for await (const line of lines) {
      const found = /"listening":\["http:\/\/127\.0\.0\.1:(\d+)/.exec(line);
      if (found?.[1] !== undefined) return Number(found[1]);
    }
    throw new Error(`the program ended: ${complaints.join('')}`);
  })();
  const end = async (signal: () => void) => {
    signal();
    await exited;
    rmSync(state, { recursive: true, force: true });
    return { code: child.exitCode, signal: child.signalCode };
  };
  const port = await listening;
  child.stdout.resume();
  return {
    port,
    get complaints() {
      return complaints.join('');
    },
    interrupt: () => end(() => process.kill(-(child.pid ?? Number.NaN), 'SIGINT')),
    stop: () => end(() => child.kill('SIGTERM')),
    kill: () => end(() => child.kill('SIGKILL')),
  };
}
