import { describe, expect, test } from 'vitest';
import type { AbiHost } from '../support/abi-host.ts';
import { createPuppet, type PuppetOptions, put, readGiven } from '../support/abi-puppet.ts';
import { Gate, outboundReply } from '../support/abi-world.ts';

const OUT = 0x40;
const HANDLES = 0x80;

/** A puppet with pending requests 1 to `count`, each to be answered through its gate. */
async function createWaiting(count: number, options: PuppetOptions = {}) {
  const puppet = await createPuppet(options);
  const gates: Gate[] = [];
  for (let index = 0; index < count; index += 1) {
    const gate = new Gate();
    const url = `http://a.test/${index}`;
    puppet.world.fetch.answer(url, gate.wait);
    gates.push(gate);
    const method = put(puppet, 0x100, 'GET');
    const request = await puppet.call('req_create', ...method, ...put(puppet, 0x110, url));
    expect(await puppet.call('req_send_async', request as number)).toBe(index + 1);
  }
  const gateOf = (handle: number): Gate => {
    const gate = gates[handle - 1];
    if (gate === undefined) throw new Error(`no gate ${handle}`);
    return gate;
  };
  return { puppet, gateOf };
}

async function bodyOf(puppet: AbiHost, response: unknown): Promise<string> {
  await puppet.call('resp_get_body', OUT, OUT + 4, response as number);
  return readGiven(puppet, OUT);
}

function putHandles(puppet: AbiHost, handles: readonly number[]): readonly [number, number] {
  handles.forEach((handle, index) => {
    puppet.bytes.writeInt32LE(handle, HANDLES + index * 4);
  });
  return [HANDLES, handles.length];
}

async function select(puppet: AbiHost, handles: readonly number[]) {
  const response = await puppet.call('pending_req_select', ...putHandles(puppet, handles), OUT);
  return { response, handle: puppet.bytes.readInt32LE(OUT) };
}

describe('req_send_async', () => {
  test('consumes the request and answers before the response is there', async () => {
    const { puppet } = await createWaiting(1);
    expect(await puppet.call('req_send_async', 1)).toBe(-1);
    expect(puppet.world.fetch.sent).toHaveLength(1);
  });

  test('keeps as many under way as the limit', async () => {
    const { puppet, gateOf } = await createWaiting(2, { limits: { handlesPerRunMax: 2 } });
    const method = put(puppet, 0x100, 'GET');
    const url = put(puppet, 0x110, 'http://a.test/0');
    const request = await puppet.call('req_create', ...method, ...url);
    expect(await puppet.call('req_send_async', request as number)).toBe(-1);
    gateOf(1).open(outboundReply('x'));
    await puppet.call('pending_req_wait', 1);
    expect(await puppet.call('req_send_async', request as number)).toBe(3);
  });
});

describe('pending_req_wait', () => {
  test('waits for the response and consumes the pending request', async () => {
    const { puppet, gateOf } = await createWaiting(1);
    const waited = puppet.call('pending_req_wait', 1);
    gateOf(1).open(outboundReply('here'));
    const response = await waited;
    expect(response).toBe(1);
    expect(await bodyOf(puppet, response)).toBe('here');
    expect(await puppet.call('pending_req_wait', 1)).toBe(-1);
  });

  test('answers -1 for a request that fails', async () => {
    const { puppet, gateOf } = await createWaiting(1);
    gateOf(1).fail('Cannot reach it');
    expect(await puppet.call('pending_req_wait', 1)).toBe(-1);
    expect(puppet.world.logLines).toEqual(['warn Cannot reach it']);
  });
});

describe('pending_req_poll', () => {
  test('answers -2 as long as there is no response, then the response once', async () => {
    const { puppet, gateOf } = await createWaiting(1);
    expect(await puppet.call('pending_req_poll', 1)).toBe(-2);
    expect(await puppet.call('pending_req_poll', 1)).toBe(-2);
    gateOf(1).open(outboundReply('here'));
    const response = await puppet.call('pending_req_poll', 1);
    expect(await bodyOf(puppet, response)).toBe('here');
    expect(await puppet.call('pending_req_poll', 1)).toBe(-1);
  });

  test('answers -1 for a request that fails, and consumes it', async () => {
    const { puppet, gateOf } = await createWaiting(1);
    gateOf(1).fail('Cannot reach it');
    expect(await puppet.call('pending_req_poll', 1)).toBe(-1);
    expect(await puppet.call('pending_req_poll', 1)).toBe(-1);
    expect(puppet.world.logLines[1]).toMatch(/no such handle/);
  });

  test('that is not ready lets macrotasks run before it answers', async () => {
    const { puppet } = await createWaiting(1);
    let hasRun = false;
    setImmediate(() => {
      hasRun = true;
    });
    expect(await puppet.call('pending_req_poll', 1)).toBe(-2);
    expect(hasRun).toBe(true);
  });

  test('over and over lets in a response that needs the event loop', async () => {
    const { puppet } = await createWaiting(0);
    puppet.world.fetch.answer('http://a.test/', async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      return outboundReply('late');
    });
    const method = put(puppet, 0x100, 'GET');
    const url = put(puppet, 0x110, 'http://a.test/');
    await puppet.call('req_create', ...method, ...url);
    await puppet.call('req_send_async', 1);
    let answer: unknown = -2;
    while (answer === -2) answer = await puppet.call('pending_req_poll', 1);
    expect(await bodyOf(puppet, answer)).toBe('late');
  });
});

describe('pending_req_select', () => {
  test('waits until one has ended, and consumes that one alone', async () => {
    const { puppet, gateOf } = await createWaiting(3);
    const selected = select(puppet, [1, 2, 3]);
    gateOf(2).open(outboundReply('second'));
    const { response, handle } = await selected;
    expect(handle).toBe(2);
    expect(await bodyOf(puppet, response)).toBe('second');
    expect(await puppet.call('pending_req_poll', 2)).toBe(-1);
    expect(await puppet.call('pending_req_poll', 1)).toBe(-2);
    expect(await puppet.call('pending_req_poll', 3)).toBe(-2);
  });

  test('reports the first of the list when several have ended', async () => {
    const { puppet, gateOf } = await createWaiting(3);
    for (const handle of [1, 2, 3]) gateOf(handle).open(outboundReply(`${handle}`));
    const order: number[] = [];
    for (const handles of [[3, 1, 2], [1, 2], [2]]) {
      order.push((await select(puppet, handles)).handle);
    }
    expect(order).toEqual([3, 1, 2]);
  });

  test('names the one that failed', async () => {
    const { puppet, gateOf } = await createWaiting(2);
    gateOf(2).fail('Cannot reach it');
    expect(await select(puppet, [1, 2])).toEqual({ response: -1, handle: 2 });
    expect(await puppet.call('pending_req_poll', 1)).toBe(-2);
  });

  test('names a handle that is none, and consumes nothing', async () => {
    const { puppet, gateOf } = await createWaiting(1);
    gateOf(1).open(outboundReply('x'));
    expect(await select(puppet, [1, 7])).toEqual({ response: -1, handle: 7 });
    expect(await puppet.call('pending_req_poll', 1)).toBe(1);
  });

  test('of nothing is -1 and -1', async () => {
    const { puppet } = await createWaiting(1);
    expect(await select(puppet, [])).toEqual({ response: -1, handle: -1 });
  });

  test('takes as many handles as the limit and not one more', async () => {
    const { puppet, gateOf } = await createWaiting(2, { limits: { handlesPerRunMax: 2 } });
    expect(await select(puppet, [1, 2, 1])).toEqual({ response: -1, handle: -1 });
    gateOf(1).open(outboundReply('x'));
    expect(await select(puppet, [1, 2])).toEqual({ response: 1, handle: 1 });
  });

  test('writes the one word and nothing beside it', async () => {
    const { puppet, gateOf } = await createWaiting(1);
    gateOf(1).open(outboundReply('x'));
    puppet.bytes.fill(0xaa, 0, 0x80);
    await select(puppet, [1]);
    expect(puppet.bytes.toString('hex', OUT - 4, OUT + 8)).toBe('aaaaaaaa01000000aaaaaaaa');
  });
});

test('the end of the run gives up every pending request', async () => {
  const { puppet } = await createWaiting(2);
  puppet.binding.release();
  expect(puppet.world.fetch.signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  puppet.begin();
  expect(await puppet.call('pending_req_poll', 1)).toBe(-1);
});

test.each([
  ['pending_req_wait', [1]],
  ['pending_req_poll', [1]],
  ['pending_req_select', [HANDLES, 1, OUT]],
] as const)('%s writes nothing after the end of its run', async (name, args) => {
  const { puppet, gateOf } = await createWaiting(1);
  putHandles(puppet, [1]);
  const waited = puppet.call(name, ...args).catch((error: Error) => error.message);
  puppet.binding.release();
  puppet.begin();
  puppet.bytes.fill(0xaa);
  gateOf(1).open(outboundReply('late'));
  expect(await waited).toMatch(/its run has ended/);
  expect(puppet.bytes.every((byte) => byte === 0xaa)).toBe(true);
});
