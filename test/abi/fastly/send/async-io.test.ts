import { describe, expect, test } from 'vitest';
import { END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';
import {
  DONE,
  handleList,
  LIST,
  makeRequest,
  ok,
  REQ,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();
const IO = 'fastly_async_io';
const TIME_IS_UP = 0xffff_ffff;

function select(puppet: FastlyPuppet, handles: readonly number[], timeoutMs = 0): Promise<number> {
  return puppet.call(`${IO}.select`, ...handleList(puppet, handles), timeoutMs, DONE);
}

async function isReady(puppet: FastlyPuppet, handle: number): Promise<number> {
  await ok(puppet.call(`${IO}.is_ready`, handle, DONE));
  return puppet.u32(DONE);
}

describe('select', () => {
  test('gives the place of the first that is ready', async () => {
    const puppet = await bench.puppet({ body: 'later' });
    const { body: visitors } = await puppet.downstream();
    const filled = await puppet.body('x');
    expect(await select(puppet, [visitors, filled])).toBe(0);
    expect(puppet.u32(DONE)).toBe(1);
  });

  test('waits for bodies and requests, whichever comes first', async () => {
    const puppet = await bench.puppet({ body: 'later' });
    bench.answer = () => undefined;
    const { body: visitors } = await puppet.downstream();
    const args = [await makeRequest(puppet), await puppet.body(), 'origin'];
    const pending = await puppet.number(`${REQ}.send_async`, ...args);
    const selecting = select(puppet, [pending, visitors]);
    puppet.exchange.arriving.push(Buffer.from('hello'));
    expect(await selecting).toBe(0);
    expect(puppet.u32(DONE)).toBe(1);
    expect(await puppet.read(visitors)).toBe('hello');
  });

  test('waits for a reply', async () => {
    const puppet = await bench.puppet();
    const args = [await makeRequest(puppet), await puppet.body(), 'origin'];
    const pending = await puppet.number(`${REQ}.send_async`, ...args);
    expect(await select(puppet, [pending])).toBe(0);
    expect(puppet.u32(DONE)).toBe(0);
  });

  test('gives up when the time is up', async () => {
    const puppet = await bench.puppet({ body: 'later' });
    const { body: visitors } = await puppet.downstream();
    const selecting = select(puppet, [visitors], 20);
    await expect.poll(() => puppet.world.waiting.size).toBe(1);
    puppet.world.elapse(20_000_000n);
    expect(await selecting).toBe(0);
    expect(puppet.u32(DONE)).toBe(TIME_IS_UP);
    expect(puppet.world.waiting.size).toBe(0);
  });

  test('of nothing is a sleep, which has an end', async () => {
    const puppet = await bench.puppet();
    expect(await select(puppet, [])).toBe(2);
    const sleeping = select(puppet, [], 5);
    await expect.poll(() => puppet.world.waiting.size).toBe(1);
    puppet.world.elapse(5_000_000n);
    expect(await sleeping).toBe(0);
    expect(puppet.u32(DONE)).toBe(TIME_IS_UP);
  });

  test('is for what can be waited for, and writes where it may', async () => {
    const puppet = await bench.puppet();
    expect(await select(puppet, [99])).toBe(3);
    expect(await puppet.call(`${IO}.select`, END - 3, 1, 0, DONE)).toBe(2);
    expect(await puppet.call(`${IO}.select`, LIST, 1, 0, END - 3)).toBe(2);
    expect(await puppet.call(`${IO}.select`, LIST, 0x4000_0000, 0, DONE)).toBe(2);
  });
});

describe('is_ready', () => {
  test('of a body is whether there are bytes, or the end', async () => {
    const puppet = await bench.puppet({ body: 'later' });
    const { body: visitors } = await puppet.downstream();
    expect(await isReady(puppet, await puppet.body())).toBe(1);
    expect(await isReady(puppet, visitors)).toBe(0);
    puppet.exchange.arriving.push(Buffer.from('hello'));
    await expect.poll(() => isReady(puppet, visitors)).toBe(1);
    expect(await puppet.read(visitors)).toBe('hello');
    puppet.exchange.arriving.end();
    await expect.poll(() => isReady(puppet, visitors)).toBe(1);
  });

  test('of a request is whether its reply is there, which asking lets come', async () => {
    const puppet = await bench.puppet();
    const args = [await makeRequest(puppet), await puppet.body(), 'origin'];
    const pending = await puppet.number(`${REQ}.send_async`, ...args);
    // A loop of nothing but hostcalls: it ends only where each lets the network in.
    while ((await isReady(puppet, pending)) === 0);
  });

  test('of a write end is whether there is room', async () => {
    const held = Promise.withResolvers<void>();
    bench.answer = (request) => {
      request.pause();
      held.resolve();
    };
    const puppet = await bench.puppet();
    const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST' });
    const body = await puppet.body('first');
    await puppet.number(`${REQ}.send_async_streaming`, request, body, 'origin');
    expect(await isReady(puppet, body)).toBe(1);
    await held.promise;
    let blocked: Promise<number> | undefined;
    for (let writes = 0; writes < 1_000 && blocked === undefined; writes += 1) {
      const writing = puppet.call('fastly_http_body.write', body, 0, 30_000, 0, DONE);
      const timer = new Promise<'late'>((resolve) => setTimeout(resolve, 200, 'late'));
      if ((await Promise.race([writing, timer])) === 'late') blocked = writing;
    }
    expect(blocked).toBeDefined();
    bench.seen[0]?.resume();
    expect(await blocked).toBe(0);
  });

  test('is for what can be waited for', async () => {
    const puppet = await bench.puppet();
    expect(await puppet.call(`${IO}.is_ready`, 99, DONE)).toBe(3);
    expect(await puppet.call(`${IO}.is_ready`, await puppet.body(), END - 3)).toBe(2);
  });
});
