/**
 * The daemon behind `terrafirma dev`: the same program as `terrafirma serve`, as a process of its
 * own, so that it can be started anew with other variables. Runs another process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { TerrafirmaError } from '../../errors.ts';
import { Connection } from '../admin/connection.ts';
import type { LogLine } from './dev-log.ts';

export interface DaemonProcessOptions {
  readonly site: string;
  readonly stateDirectory: string;
  /** Of its admin socket. */
  readonly socketPath: string;
  readonly configFile: string | undefined;
  readonly variablesFile: string | undefined;
  /** Of `terrafirma serve`, beside those that are needed here. */
  readonly flags: readonly string[];
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onLine: (text: string, line: LogLine) => void;
  /** A line of its standard error: what a person must know. */
  readonly onComplaint: (text: string) => void;
  /** It has ended, and nobody asked for that. */
  readonly onEnd: (code: number | string) => void;
}

const stopMsMax = 5_000;

export class DaemonProcess {
  readonly #options: DaemonProcessOptions;
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<number>();
  #isStopping = false;

  constructor(options: DaemonProcessOptions) {
    this.#options = options;
    this.#child = start(options);
    // Whoever waits for it is told; where nobody does, the end is.
    this.#ready.promise.catch(() => undefined);
    this.#read();
  }

  /** Resolves to its port on 127.0.0.1. Rejects where it ends before it listens. */
  get port(): Promise<number> {
    return this.#ready.promise;
  }

  get admin(): Connection {
    return new Connection({ kind: 'socket', path: this.#options.socketPath });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGQUIT');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(timer);
  }

  #read(): void {
    const { onComplaint, onEnd, onLine } = this.#options;
    const { stderr, stdout } = this.#child;
    if (stderr !== null) createInterface({ input: stderr }).on('line', onComplaint);
    if (stdout !== null) {
      createInterface({ input: stdout }).on('line', (text) => {
        const line: LogLine = JSON.parse(text);
        if (line.event === 'serving') this.#ready.resolve(portOf(line));
        onLine(text, line);
      });
    }
    this.#child.once('error', (error) => this.#ready.reject(notStarted(error.message)));
    this.#child.once('exit', (code, signal) => {
      const end = code ?? signal ?? 'nothing';
      this.#ready.reject(notStarted(`its end with ${end}`));
      if (!this.#isStopping) onEnd(end);
    });
  }
}

function portOf({ listening }: LogLine): number {
  const [first] = listening as readonly string[];
  return Number(new URL(first ?? '').port);
}

function notStarted(received: string): TerrafirmaError {
  return new TerrafirmaError(
    'start',
    `Cannot develop: the daemon must start: received ${received}; what it said stands above`,
  );
}

function start(options: DaemonProcessOptions): ChildProcess {
  const { configFile, environment, socketPath, variablesFile, workingDirectory } = options;
  const [, program = ''] = process.argv;
  const config = configFile === undefined ? [] : ['--config', configFile];
  const variables = variablesFile === undefined ? [] : ['--variables', variablesFile];
  const args = ['serve', options.site, '--state', options.stateDirectory];
  const listen = ['--listen', '127.0.0.1:0'];
  const log = ['--log-format', 'json', '--log-level', 'trace'];
  const all = [...args, ...listen, ...log, ...config, ...variables, ...options.flags];
  return spawn(process.execPath, [...process.execArgv, program, ...all], {
    cwd: workingDirectory,
    // By the channel it knows that we have ended, however we have (`endWithWrapper` in main.ts).
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Not in the group of the terminal: Ctrl-C is for us, and we tell it.
    detached: true,
    env: {
      ...environment,
      TERRAFIRMA_WRAPPED: '1',
      TERRAFIRMA_ADMIN_LISTEN: `unix:${socketPath}`,
      TERRAFIRMA_PROXIES_TRUSTED_CIDRS: '127.0.0.1/32',
    },
  });
}
