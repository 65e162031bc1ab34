/** Runs whose answer leaves before their entry ends: they go on within the same limits. */
import { describe, expect, test } from 'vitest';
import type { Abi, Binding, Run } from '../../src/abi/abi.ts';
import type { Hostcall } from '../../src/abi/hostcall.ts';
import { ProgramPool } from '../support/program-pool.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { TestExchange } from './world.ts';

/** Hostcalls `answer`, which answers at once, and `wait`, which ends when the test says so. */
class EarlyAbi implements Abi {
  readonly name = 'early';
  readonly requestBody = 'streamed';
  readonly gate = Promise.withResolvers<void>();
  waiting = 0;
  finished = 0;

  judge = () => ({ kind: 'speaks', entry: 'run' }) as const;

  bind(): Binding {
    let run: Run | undefined;
    const answer: Hostcall = {
      waits: false,
      call: () => run?.exchange.send({ status: 200, headers: [] }, Buffer.from('early')),
    };
    const wait: Hostcall = {
      waits: true,
      call: async () => {
        this.waiting += 1;
        await this.gate.promise;
      },
    };
    const hostcalls = new Map(Object.entries({ answer, wait }));
    return {
      hostcall: ({ name }) => hostcalls.get(name),
      begin: (next) => {
        run = next;
      },
      finish: () => {
        this.finished += 1;
      },
      release: () => undefined,
    };
  }
}

function guestThat(body: string): Uint8Array<ArrayBuffer> {
  return assemble(`(module
    (import "host" "answer" (func $answer))
    (import "host" "wait" (func $wait))
    (memory (export "memory") 1)
    (func (export "run") ${body}))`);
}

const waits = guestThat('(call $answer) (call $wait)');
const traps = guestThat('(call $answer) (call $wait) unreachable');
const spins = guestThat('(call $answer) (loop (br 0))');

function newExchange(): TestExchange {
  return new TestExchange({}, new Uint8Array(0));
}

const untilTrue = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

describe('a run whose answer has left', () => {
  test('goes on, is reported when it ends, and its guest serves again', async () => {
    const abi = new EarlyAbi();
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const exchange = newExchange();
    const run = pool.run(pool.load(waits, 'run'), '/site', exchange);
    await untilTrue(() => abi.waiting === 1);
    expect(Buffer.from(exchange.sent?.body ?? []).toString()).toBe('early');
    expect(abi.finished).toBe(0);
    abi.gate.resolve();
    expect(await run).toMatchObject({ outcome: 'replied', error: undefined, cause: undefined });
    expect(pool.idleBytes).toBeGreaterThan(0);
  });

  test('keeps its seat until it ends', async () => {
    const abi = new EarlyAbi();
    const limits = { runsPerSiteMax: 1, clientSharePercentMax: 100 };
    using pool = new ProgramPool({ abi, restoreMode: 'cards', limits });
    const loaded = pool.load(waits, 'run');
    const [first, second] = [newExchange(), newExchange()];
    const runs = [pool.run(loaded, '/site', first), pool.run(loaded, '/site', second)];
    await untilTrue(() => abi.waiting === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ first: first.replyState, second: second.replyState }).toEqual({
      first: 'ended',
      second: 'none',
    });
    abi.gate.resolve();
    await Promise.all(runs);
    expect(second.replyState).toBe('ended');
  });

  test('tells the log why it ended badly, and nobody else', async () => {
    const abi = new EarlyAbi();
    abi.gate.resolve();
    using pool = new ProgramPool({ abi, restoreMode: 'cards', limits: { cpuMsMax: 50 } });
    const trapped = await pool.run(pool.load(traps, 'run'), '/site', newExchange());
    expect(trapped).toMatchObject({
      outcome: 'trapped',
      error: undefined,
      cause: { code: 'guest-trapped', detail: expect.stringMatching(/unreachable/) },
    });
    const spent = await pool.run(pool.load(spins, 'run'), '/site', newExchange());
    expect(spent).toMatchObject({
      outcome: 'out-of-cpu',
      error: undefined,
      cause: { code: 'guest-out-of-cpu' },
    });
    expect(pool.idleBytes).toBe(0);
  });

  test('is waited for by a daemon that stops', async () => {
    const abi = new EarlyAbi();
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const ends: string[] = [];
    const run = pool.run(pool.load(waits, 'run'), '/site', newExchange());
    void run.then(() => ends.push('run'));
    await untilTrue(() => abi.waiting === 1);
    const drained = pool.drain(60_000).then(() => ends.push('drained'));
    abi.gate.resolve();
    await drained;
    await run;
    expect(ends.sort()).toEqual(['drained', 'run']);
    await pool.drain(0);
  });

  test('is given up when that may wait no longer', async () => {
    const abi = new EarlyAbi();
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const run = pool.run(pool.load(waits, 'run'), '/site', newExchange());
    await untilTrue(() => abi.waiting === 1);
    await pool.drain(1);
    expect(await run).toMatchObject({
      outcome: 'abandoned',
      error: undefined,
      cause: { code: 'draining' },
    });
  });
});
