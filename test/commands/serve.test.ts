import { expect, test } from 'vitest';
import type { MindedSignal } from '../../src/commands/command.ts';
import type { StoppableDaemon } from '../../src/commands/serve.ts';
import { superviseDaemon } from '../../src/commands/serve.ts';
import { runProgram } from './program.ts';

/** A daemon that does what it is told when the test lets it. */
class ToldDaemon implements StoppableDaemon {
  readonly told: string[] = [];
  readonly #closed = Promise.withResolvers<void>();
  readonly closed = this.#closed.promise;
  readonly drained = Promise.withResolvers<void>();

  async drain(limitMs?: number): Promise<void> {
    this.told.push(limitMs === undefined ? 'drain' : `drain within ${limitMs} ms`);
    await this.drained.promise;
    this.#closed.resolve();
  }

  reload(): Promise<void> {
    this.told.push('reload');
    return Promise.resolve();
  }

  noteIgnored(signal: string): void {
    this.told.push(`${signal} ignored`);
  }

  force(): void {
    this.told.push('force');
    this.#closed.resolve();
  }
}

class Signals {
  nowMs = 0;
  #listener: ((signal: MindedSignal) => void) | undefined;

  readonly io = {
    nowMs: (): number => this.nowMs,
    onSignal: (listener: (signal: MindedSignal) => void): (() => void) => {
      this.#listener = listener;
      return () => {
        this.#listener = undefined;
      };
    },
  };

  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  async send(atMs: number, signal: MindedSignal = 'SIGTERM'): Promise<void> {
    this.nowMs = atMs;
    this.#listener?.(signal);
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
      2,
      expect.stringMatching(/^Cannot use the state directory: .*\/proc\/nothing.*ENOENT[^\n]*\n$/),
    ]);
  },
);

test('SIGQUIT drains fast, and a later one forces', async () => {
  const daemon = new ToldDaemon();
  const signals = new Signals();
  const ended = superviseDaemon(async () => daemon, signals.io);
  await signals.send(0, 'SIGQUIT');
  await signals.send(999, 'SIGQUIT');
  expect(daemon.told).toEqual(['drain within 1000 ms']);
  await signals.send(1_000, 'SIGQUIT');
  expect(await ended).toBe(1);
});

test('SIGHUP reads the configuration again; others do nothing, and that is said', async () => {
  const daemon = new ToldDaemon();
  const signals = new Signals();
  const ended = superviseDaemon(async () => daemon, signals.io);
  // It has to be running before there is a log that could say so.
  await new Promise((resolve) => setImmediate(resolve));
  await signals.send(0, 'SIGHUP');
  await signals.send(5_000, 'SIGUSR1');
  await signals.send(10_000, 'SIGUSR2');
  expect(daemon.told).toEqual(['reload', 'SIGUSR1 ignored', 'SIGUSR2 ignored']);
  await signals.send(20_000);
  daemon.drained.resolve();
  expect(await ended).toBe(0);
});
