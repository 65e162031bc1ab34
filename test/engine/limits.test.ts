import { describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { MapKeyValue, World } from '../support/abi-world.ts';
import {
  curiousStartGuest,
  greedyGuest,
  hugeGuest,
  reactorGuest,
  strayGuest,
  swollenGuest,
  tableGuest,
  waitingGuest,
} from './guests.ts';
import { Engine, sharesOf } from './world.ts';

const mib = 1024 * 1024;

/** A store that answers when the test says so. */
class LateStore extends MapKeyValue {
  readonly #gate = Promise.withResolvers<void>();

  override async get(): Promise<undefined> {
    await this.#gate.promise;
  }

  open(): void {
    this.#gate.resolve();
  }
}

class LateWorld extends World {
  override readonly keyValue = new LateStore();
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Computes without end, and has 4 MiB of data. */
function largeLoop(): Promise<Uint8Array> {
  return assemble(`(module
    (import "env" "hostcall_init_mm" (func (param i32 i32)))
    (memory (export "memory") 64)
    (data (i32.const 0) "${'x'.repeat(4 * 1024 * 1024)}")
    (func (export "run") (loop $again (br $again))))`);
}

describe('limits of a run', () => {
  test.each([
    ['a loop that calls nothing', 'loop', '/guest.wasm'],
    ['a start function', 'start-loop', '/guest.wasm'],
  ])('cpuMsMax ends %s, and names the limit', async (_, guest, target) => {
    using engine = new Engine({ limits: { cpuMsMax: 50 } });
    const loaded = engine.load(guest);
    const { report } = await engine.run(loaded, { target, body: 'body' });
    expect(report.outcome).toBe('out-of-cpu');
    expect(report.error).toEqual({
      code: 'guest-out-of-cpu',
      detail: 'Cannot answer: the function reached its CPU limit of 50 ms',
    });
    expect(report.cpuUs).toBeGreaterThanOrEqual(50_000);
    expect(engine.pool.idleBytes).toBe(0);
    expect((await engine.run(engine.load('hello'))).text).toBe('hello\n');
  });

  test('what V8 may need for compiling is lent to the first runs of a module, once', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 10 } });
    const loaded = engine.load(await largeLoop());
    // 30 ns a byte.
    const lentUs = loaded.codeBytes * 0.03;
    const first = (await engine.run(loaded)).report;
    const second = (await engine.run(loaded)).report;
    expect([first.outcome, second.outcome]).toEqual(['out-of-cpu', 'out-of-cpu']);
    expect(first.cpuUs).toBeGreaterThanOrEqual(10_000 + lentUs);
    expect(second.cpuUs).toBeLessThan(first.cpuUs);
    expect(second.error?.detail).toContain('CPU limit of 10 ms');
  });

  test('guestCallMsMax ends an allocator that host calls: it cannot let others in', async () => {
    using engine = new Engine({ limits: { guestCallMsMax: 3 } });
    const loaded = engine.load('evil-malloc');
    const { report } = await engine.run(loaded, { target: '/guest.wasm/6', body: 'body' });
    expect(report.outcome).toBe('out-of-cpu');
    expect(report.error).toEqual({
      code: 'guest-out-of-cpu',
      detail: 'Cannot answer: the function was called for memory and took more than 3 ms',
    });
    expect((await engine.run(engine.load('hello'))).text).toBe('hello\n');
  });

  test('wallMsMax ends a guest that waits', async () => {
    using engine = new Engine({ limits: { wallMsMax: 1_000 } });
    const { report } = await engine.run(engine.load(waitingGuest), { world: new LateWorld() });
    expect(report).toMatchObject({ outcome: 'out-of-time', error: { code: 'guest-out-of-time' } });
  });

  test('wallMsMax bounds the wait for a turn and the arrival of the body, by name', async () => {
    using engine = new Engine({ limits: { wallMsMax: 1_000, runsPerSiteMax: 1 } });
    const loaded = engine.load(waitingGuest);
    const running = engine.begin(loaded, { world: new LateWorld() });
    // The seat becomes free when the waiting has lasted as long: for one of them at the most.
    const queued = Array.from({ length: 3 }, () =>
      engine.begin(loaded, { world: new LateWorld() }),
    );
    const lateBody = new Promise<Uint8Array>(() => undefined);
    const sending = engine.begin(loaded, { body: 'x', lateBody });
    expect((await running.report).error?.code).toBe('guest-out-of-time');
    expect((await sending.report).error?.code).toBe('request-timeout');
    const codes = await Promise.all(queued.map(async ({ report }) => (await report).error?.code));
    expect(codes.filter((code) => code === 'overloaded').length).toBeGreaterThanOrEqual(2);
    expect(codes.at(-1)).toBe('overloaded');
  });

  test.each([
    ['page by page', greedyGuest],
    ['at once', hugeGuest],
  ])('memoryBytesMax: a guest that grows %s and traps when refused', async (_, guest) => {
    using engine = new Engine({ limits: { memoryBytesMax: 2 * mib } });
    const { report } = await engine.run(engine.load(guest));
    expect(report.outcome).toBe('out-of-memory');
    expect(report.error?.code).toBe('guest-out-of-memory');
    expect(report.error?.detail).toContain('2 MiB');
    expect(report.memoryBytes).toBeLessThanOrEqual(2 * mib);
  });

  test('memoryBytesMax: a guest that copes with refusal is not failed', async () => {
    using engine = new Engine({ limits: { memoryBytesMax: 2 * mib } });
    const { text, report } = await engine.run(engine.load('grow-forever'));
    expect(report.outcome).toBe('replied');
    expect(text).toMatch(/^refused after 31 pages/);
  });

  test('tableEntriesMax bounds growth', async () => {
    using engine = new Engine({ limits: { tableEntriesMax: 100 } });
    expect((await engine.run(engine.load(tableGuest))).text).toBe('100');
  });

  test('a guest whose table grew serves no other run: tables cannot shrink', async () => {
    using engine = new Engine();
    const loaded = engine.load(tableGuest);
    expect((await engine.run(loaded)).text).toBe('1001');
    expect(engine.pool.idleBytes).toBe(0);
    expect((await engine.run(loaded)).text).toBe('1001');
  });

  test('a guest whose memory grew large is given up', async () => {
    using engine = new Engine();
    await engine.run(engine.load(swollenGuest));
    expect(engine.pool.idleBytes).toBe(0);
    await engine.run(engine.load('malloc-grows'));
    expect(engine.pool.idleBytes).toBeGreaterThan(0);
  });

  test('endless recursion traps, and the thread goes on', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load('deep-recursion'));
    expect(report).toMatchObject({ outcome: 'trapped', error: { code: 'guest-trapped' } });
    expect(report.error?.detail).toContain('RangeError');
    expect((await engine.run(engine.load('hello'))).text).toBe('hello\n');
  });
});

describe('limits of a site', () => {
  test('runsPerSiteMax and queuedRunsPerSiteMax: one more is refused, no other site', async () => {
    using engine = new Engine({ limits: { runsPerSiteMax: 2, queuedRunsPerSiteMax: 1 } });
    const loaded = engine.load(waitingGuest);
    const world = new LateWorld();
    const runs = [0, 1, 2].map(() => engine.begin(loaded, { world }));
    const refused = await engine.run(loaded, { world });
    expect(refused.report).toMatchObject({ outcome: 'refused', error: { code: 'overloaded' } });
    expect((await engine.run(engine.load('hello'), { siteKey: '/other' })).text).toBe('hello\n');
    world.keyValue.open();
    const outcomes = (await Promise.all(runs.map(({ report }) => report))).map((r) => r.outcome);
    expect(outcomes).toEqual(['replied', 'replied', 'replied']);
    expect((await engine.run(loaded, { world })).report.outcome).toBe('replied');
  });

  test('a queued request whose client goes away leaves the queue', async () => {
    using engine = new Engine({ limits: { runsPerSiteMax: 1, queuedRunsPerSiteMax: 1 } });
    const loaded = engine.load(waitingGuest);
    const world = new LateWorld();
    const running = engine.begin(loaded, { world });
    const queued = engine.begin(loaded, { world });
    queued.exchange.goAway();
    expect(await queued.report).toMatchObject({ outcome: 'abandoned', cpuUs: 0 });
    const next = engine.begin(loaded, { world });
    world.keyValue.open();
    expect((await running.report).outcome).toBe('replied');
    expect((await next.report).outcome).toBe('replied');
  });

  test('slow bodies take places in the queue, and no run seats', async () => {
    using engine = new Engine({ limits: { runsPerSiteMax: 1, queuedRunsPerSiteMax: 1 } });
    const loaded = engine.load('hello');
    const body = Promise.withResolvers<Uint8Array>();
    const slow = engine.begin(loaded, { body: 'x', lateBody: body.promise });
    expect((await engine.run(loaded)).text).toBe('hello\n');
    body.resolve(Buffer.from('x'));
    expect((await slow.report).outcome).toBe('replied');
  });
});

describe('a client that goes away', () => {
  test('ends a guest that computes, at its next turn', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 3_600_000 } });
    const { exchange, report } = engine.begin(engine.load('loop'));
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    exchange.goAway();
    expect(await report).toMatchObject({ outcome: 'abandoned', error: { code: 'client-gone' } });
  });

  test('ends a guest that waits for what never comes', async () => {
    using engine = new Engine();
    const { exchange, report } = engine.begin(engine.load(waitingGuest), {
      world: new LateWorld(),
    });
    exchange.goAway();
    expect((await report).outcome).toBe('abandoned');
    expect(engine.pool.idleBytes).toBe(0);
  });
});

describe('limits of the process', () => {
  test('instancesMax: no more memories than that; a clear refusal, and recovery', async () => {
    using engine = new Engine({ limits: { instancesMax: 3 } });
    const loaded = engine.load(waitingGuest);
    const world = new LateWorld();
    const runs = ['/a', '/b', '/c'].map((owner) => engine.begin(loaded, { world, owner }));
    const { report } = await engine.run(loaded, { world, owner: '/d' });
    expect(report).toMatchObject({ outcome: 'refused', error: { code: 'overloaded' } });
    expect(report.error?.detail).toContain('3 memories');
    world.keyValue.open();
    for (const run of runs) expect((await run.report).outcome).toBe('replied');
    expect((await engine.run(loaded, { world })).report.outcome).toBe('replied');
  });

  test('instancesMax: idle guests give way to those that are wanted', async () => {
    using engine = new Engine({ limits: { instancesMax: 4 } });
    for (const guest of ['hello', 'v1', 'v2']) await engine.run(engine.load(guest));
    const world = new LateWorld();
    const loaded = engine.load(waitingGuest);
    const owners = ['/a', '/b', '/c', '/d'];
    const runs = owners.map((owner) => engine.begin(loaded, { world, owner }));
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(engine.pool.idleBytes).toBe(0);
    world.keyValue.open();
    for (const { report } of runs) expect((await report).outcome).toBe('replied');
  });

  test('instancesMax: a quarter of it is never held by idle guests', async () => {
    using engine = new Engine({ limits: { instancesMax: 4 } });
    for (const guest of ['hello', 'v1', 'v2', 'nothing', 'trap', 'status']) {
      await engine.run(engine.load(guest));
    }
    // Memories, not bytes: what an instance costs beside them is measured, and differs.
    expect(engine.account.held().memories).toBe(3);
    expect(engine.pool.idleCount).toBe(3);
  });

  test('idleGuestBytesMax: artifact used least recently gives up its guests first', async () => {
    using roomy = new Engine();
    for (const guest of ['v1', 'v2']) await roomy.run(roomy.load(guest));
    const bothBytes = roomy.pool.idleBytes;
    await roomy.run(roomy.load('hello'));
    // A third one has no room beside two of them, whichever two.
    expect(roomy.pool.idleBytes).toBeGreaterThan(1.4 * bothBytes);
    using engine = new Engine({ limits: { idleGuestBytesMax: bothBytes } });
    for (const guest of ['hello', 'v1', 'v2', 'v1']) await engine.run(engine.load(guest));
    expect(engine.pool.idleBytes).toBe(bothBytes);
    using none = new Engine({ limits: { idleGuestBytesMax: 0 } });
    expect((await none.run(none.load('hello'))).text).toBe('hello\n');
    expect(none.pool.idleBytes).toBe(0);
  });

  test('compiledBytesMax: artifacts long unused are forgotten, with their guests', async () => {
    using probe = new Engine();
    const { codeBytes } = probe.load('v1');
    using engine = new Engine({ limits: { compiledBytesMax: codeBytes } });
    const [first, second] = [engine.load('v1'), engine.load('v2')];
    await engine.run(first);
    const guestBytes = engine.pool.idleBytes;
    await engine.run(second);
    expect(engine.pool.idleBytes).toBe(guestBytes);
    expect((await engine.run(first)).text).toBe('version 1\n');
  });
});

describe('the first state', () => {
  test('warm() has a guest ready before the first request', async () => {
    using engine = new Engine();
    const loaded = engine.load('hello');
    engine.pool.warm(loaded, sharesOf(), new World());
    // As many turns as it takes: on a busy machine its slice is soon over.
    while (engine.pool.idleBytes === 0) await nextTurn();
    expect((await engine.run(loaded)).text).toBe('hello\n');
  });

  test('warm() of a guest that never starts up ends, and keeps nothing', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 20 } });
    const loaded = engine.load('start-loop');
    engine.pool.warm(loaded, sharesOf(), new World());
    expect((await engine.run(loaded)).report.outcome).toBe('out-of-cpu');
    expect(engine.pool.idleBytes).toBe(0);
  });

  test('a start function that wants the request runs in every run', async () => {
    using engine = new Engine();
    const loaded = engine.load(curiousStartGuest);
    for (const target of ['/guest.wasm/a', '/guest.wasm/b', '/guest.wasm/c']) {
      expect((await engine.run(loaded, { target })).text).toBe(target);
    }
    expect(engine.pool.idleBytes).toBeGreaterThan(0);
  });

  test('_initialize ran once before every run', async () => {
    using engine = new Engine();
    const loaded = engine.load(reactorGuest);
    for (let run = 0; run < 3; run += 1) expect((await engine.run(loaded)).text).toBe('10');
  });
});

test('a hostcall that waits and fails at once ends the run, and all is heard', async () => {
  using engine = new Engine();
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  const { report } = await engine.run(engine.load(strayGuest));
  // Told after the microtasks.
  await nextTurn();
  process.off('unhandledRejection', hear);
  expect(report.outcome).toBe('trapped');
  expect(unheard).toEqual([]);
});
