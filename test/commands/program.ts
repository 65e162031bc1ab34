/** Runs the real program as a child process and waits for its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const PROGRAM = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** As another user, where whoever runs the tests may do that. */
  readonly uid?: number;
}

export async function runProgram(
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: options.workingDirectory,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    // No configuration of the machine, and none of the variables of whoever runs the tests.
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...options.environment,
    },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(options.input ?? '');
  await once(child, 'close');
  return {
    code: child.exitCode,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}
