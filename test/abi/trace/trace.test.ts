import { describe, expect, test } from 'vitest';
import { createTerrariumAbi } from '../../../src/abi/terrarium.ts';
import { traceAbi } from '../../../src/abi/trace/trace.ts';
import { createWasip1Abi } from '../../../src/abi/wasip1.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { AbiHost } from '../../support/abi-host.ts';
import { createPuppet, put, putList } from '../../support/abi-puppet.ts';
import { outboundReply, World } from '../../support/abi-world.ts';

interface Traced {
  readonly puppet: AbiHost;
  readonly world: World;
  readonly early: string[];
}

async function trace({ showsSecrets = true, linesMax = 1_000 } = {}): Promise<Traced> {
  const early: string[] = [];
  const world = new World();
  world.traceLinesMax = linesMax;
  let nowMs = 0;
  const puppet = await createPuppet({
    world,
    request: { target: '/hello.wasm/a?key=1', headers: [['Cookie', 'sid=1']], body: 'a body' },
    wrapAbi: (abi) =>
      traceAbi(abi, {
        showsSecrets,
        // Each look at the clock is half a millisecond later.
        nowMs: () => (nowMs += 0.5),
        onEarlyLine: (line) => early.push(line),
      }),
  });
  return { puppet, world, early };
}

describe('a line a hostcall', () => {
  test('has what the guest gave and what it was given, by name', async () => {
    const { puppet, world } = await trace();
    await puppet.call('req_get_path', 0x40, 0x44, 0);
    await puppet.call('req_get_header', 0x40, 0x44, 0, ...put(puppet, 0x100, 'cookie'));
    await puppet.call('req_get_header', 0x40, 0x44, 0, ...put(puppet, 0x100, 'x-none'));
    expect(world.traceLines).toEqual([
      'hostcall_req_get_path(request=0) → out="/hello.wasm/a?key=1" (500 µs)',
      'hostcall_req_get_header(request=0, name="cookie") → out=["sid=1"] (500 µs)',
      'hostcall_req_get_header(request=0, name="x-none") → out=nothing (500 µs)',
    ]);
  });

  test('waits for the answer of a hostcall that waits', async () => {
    const { puppet, world } = await trace();
    const method = put(puppet, 0x100, 'GET');
    world.fetch.answer('http://a.test/b?c', async () => outboundReply('hi'));
    const url = put(puppet, 0x200, 'http://a.test/b?c');
    expect(await puppet.call('req_create', ...method, ...url)).toBe(1);
    await puppet.call('req_send', 1);
    expect(world.traceLines).toEqual([
      'hostcall_req_create(method="GET", URL="http://a.test/b?c") → request=1 (500 µs)',
      'hostcall_req_send(request=1) → response=1 (500 µs)',
    ]);
  });

  test('cuts long texts and long lists', async () => {
    const { puppet, world } = await trace();
    await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'b'.repeat(500)));
    const list = putList(
      puppet,
      0x800,
      Array.from({ length: 12 }, (_, at) => `v${at}`),
    );
    await puppet.call('resp_set_header', 0, ...put(puppet, 0x100, 'x-a'), ...list);
    const [body, header] = world.traceLines;
    expect(body).toContain(`body="${'b'.repeat(64)}"… (500 bytes)) → status=0`);
    expect(header).toContain('values=["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", 4 more]');
  });

  test('cannot forge another line', async () => {
    const { puppet, world } = await trace();
    await puppet.call('debug', ...put(puppet, 0x100, 'a\n\u001b[2J"'));
    expect(world.traceLines[0]).toBe('hostcall_debug(message="a\\n\\u001b[2J\\"") (500 µs)');
  });

  test('shows an address that lies outside of memory as it is, and changes nothing', async () => {
    const { puppet, world } = await trace();
    await expect(puppet.call('debug', 0xffff_fff0, 100)).rejects.toThrow(/linear memory/);
    expect(world.traceLines).toEqual([
      'hostcall_debug(message=0xfffffff0+100) → the run ends (500 µs)',
    ]);
  });
});

describe('where secrets are not shown', () => {
  test('values of headers that open doors are hidden, both ways', async () => {
    const { puppet, world } = await trace({ showsSecrets: false });
    await puppet.call('req_get_header', 0x40, 0x44, 0, ...put(puppet, 0x100, 'Cookie'));
    for (const name of ['set-cookie', 'Authorization', 'x-api-key', 'content-type']) {
      const value = putList(puppet, 0x400, ['words']);
      await puppet.call('resp_set_header', 0, ...put(puppet, 0x100, name), ...value);
    }
    expect(world.traceLines.map((line) => line.replace(/ → status.*/, ''))).toEqual([
      'hostcall_req_get_header(request=0, name="Cookie") → out=[hidden] (500 µs)',
      'hostcall_resp_set_header(response=0, name="set-cookie", values=[hidden])',
      'hostcall_resp_set_header(response=0, name="Authorization", values=[hidden])',
      'hostcall_resp_set_header(response=0, name="x-api-key", values=[hidden])',
      'hostcall_resp_set_header(response=0, name="content-type", values=["words"])',
    ]);
  });

  test('contents are told by their length, queries not at all', async () => {
    const { puppet, world } = await trace({ showsSecrets: false });
    await puppet.call('req_get_path', 0x40, 0x44, 0);
    await puppet.call('req_get_body', 0x40, 0x44, 0);
    await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'words'));
    const url = put(puppet, 0x200, 'http://me:pw@a.test/b?c');
    await puppet.call('req_create', ...put(puppet, 0x100, 'GET'), ...url);
    expect(world.traceLines).toEqual([
      'hostcall_req_get_path(request=0) → out="/hello.wasm/a"… (500 µs)',
      'hostcall_req_get_body(request=0) → out=6 bytes (500 µs)',
      'hostcall_resp_set_body(response=0, body=5 bytes) → status=0 (500 µs)',
      'hostcall_req_create(method="GET", URL="http://a.test/b"…) → request=1 (500 µs)',
    ]);
  });
});

test('a run whose log takes no more is not looked at any more', async () => {
  const { puppet, world } = await trace({ linesMax: 2 });
  for (let count = 0; count < 5; count += 1) await puppet.call('time_now', 0);
  expect(world.traceLines).toHaveLength(2);
  expect(await puppet.call('time_now', 0)).toBe(world.nowNs / 1_000_000_000n);
});

test('a call that has no answer when the run is over is told then', async () => {
  const { puppet, world } = await trace();
  await puppet.call('req_create', ...put(puppet, 0x100, 'GET'), ...put(puppet, 0x200, 'http://a/'));
  const sent = puppet.call('req_send', 1);
  sent.catch(() => undefined);
  puppet.binding.release();
  expect(world.traceLines.at(-1)).toBe('hostcall_req_send(request=1) → no answer (500 µs)');
});

test('has all that the ABIs and their bindings have', () => {
  const host = { memory: undefined } as never;
  const options = { showsSecrets: false, nowMs: () => 0, onEarlyLine: () => undefined };
  const membersOf = (object: object): string[] => {
    const own = Object.getOwnPropertyNames(object);
    return [...own, ...Object.getOwnPropertyNames(Object.getPrototypeOf(object))].sort();
  };
  for (const abi of [createTerrariumAbi(defaultLimits), createWasip1Abi(defaultLimits)]) {
    const traced = traceAbi(abi, options);
    expect(membersOf(traced)).toEqual(expect.arrayContaining(membersOf(abi)));
    expect(membersOf(traced.bind(host))).toEqual(expect.arrayContaining(membersOf(abi.bind(host))));
  }
});
