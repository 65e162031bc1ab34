import { expect, test } from 'vitest';
import type { StopSignal } from '../../src/commands/command.ts';
import type { StoppableDaemon } from '../../src/commands/serve.ts';
import { superviseDaemon } from '../../src/commands/serve.ts';
import { runProgram } from './program.ts';

/** A daemon that does what it is told when the test lets it. */
class ToldDaemon implements StoppableDaemon {
  readonly told: string[] = [];
  readonly #closed = Promise.withResolvers<void>();
  readonly closed = this.#closed.promise;
  readonly drained = Promise.withResolvers<void>();

  async drain(): Promise<void> {
    this.told.push('drain');
    await this.drained.promise;
    this.#closed.resolve();
  }

  force(): void {
    this.told.push('force');
    this.#closed.resolve();
  }
}

class Signals {
  nowMs = 0;
  #listener: ((signal: StopSignal) => void) | undefined;

  readonly io = {
    nowMs: (): number => this.nowMs,
    onStopSignal: (listener: (signal: StopSignal) => void): (() => void) => {
      this.#listener = listener;
      return () => {
        this.#listener = undefined;
      };
    },
  };

  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  async send(atMs: number): Promise<void> {
    this.nowMs = atMs;
    this.#listener?.('SIGTERM');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('one signal drains, and the exit code is 0', async () => {
  const daemon = new ToldDaemon();
  const signals = new Signals();
  const ended = superviseDaemon(async () => daemon, signals.io);
  await signals.send(0);
  await signals.send(999);
  expect(daemon.told).toEqual(['drain']);
  daemon.drained.resolve();
  expect(await ended).toBe(0);
  expect(signals.isHeard).toBe(false);
});

test('a signal more than a second later forces, and the exit code is 1', async () => {
  const daemon = new ToldDaemon();
  const signals = new Signals();
  const ended = superviseDaemon(async () => daemon, signals.io);
  await signals.send(0);
  await signals.send(1_000);
  expect(daemon.told).toEqual(['drain', 'force']);
  expect(await ended).toBe(1);
});

test('a signal while the daemon starts drains it once it has started', async () => {
  const daemon = new ToldDaemon();
  const signals = new Signals();
  const started = Promise.withResolvers<ToldDaemon>();
  const ended = superviseDaemon(() => started.promise, signals.io);
  await signals.send(0);
  started.resolve(daemon);
  daemon.drained.resolve();
  expect(await ended).toBe(0);
  expect(daemon.told).toEqual(['drain']);
});

test('a start that hangs can be forced to end', async () => {
  const signals = new Signals();
  const ended = superviseDaemon(() => new Promise(() => undefined), signals.io);
  await signals.send(0);
  await signals.send(2_000);
  expect(await ended).toBe(1);
});

test('a drain that fails is a failure of the command', async () => {
  const daemon = new ToldDaemon();
  const signals = new Signals();
  const ended = superviseDaemon(async () => daemon, signals.io);
  await signals.send(0);
  daemon.drained.reject(new Error('no drain'));
  await expect(ended).rejects.toThrow('no drain');
});

test.each([
  [[], 'Cannot serve: a folder or a mount must be given: received neither'],
  [['/nonexistent/site'], 'must be a directory: received /nonexistent/site'],
  [['.', '--mount', '/a=/b'], 'there must be one folder or mounts, not both'],
])('serve %j is refused with 2', async (argv, sentence) => {
  const { code, stdout, stderr } = await runProgram(['serve', ...argv]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(sentence);
});

test.skipIf(process.platform !== 'linux')(
  'a state directory that cannot be made is one sentence, not an endless attempt',
  async () => {
    const ended = await runProgram(['serve', '.', '--state', '/proc/nothing/below']);
    expect([ended.code, ended.stderr]).toEqual([
      1,
      expect.stringMatching(/^Cannot use the state directory: .*\/proc\/nothing.*ENOENT[^\n]*\n$/),
    ]);
  },
);
