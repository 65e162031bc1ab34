/**
 * What a hostile guest may hand to a hostcall, and what comes of it: `trap` with the reason, or a
 * value. Each case runs in a guest of its own; afterwards the same instance serves a good call.
 */
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import type { AbiHost } from '../support/abi-host.ts';
import { createPuppet, put } from '../support/abi-puppet.ts';

const END = 65_536;
const TOP = 0xffff_ffff;
const MIN = -0x8000_0000;
const OUTSIDE = /^Cannot reach into linear memory/;

type Outcome = RegExp | number | bigint | undefined;

/** Name, hostcall, arguments, and a trap's reason or the value answered. */
type Case = readonly [string, string, readonly number[], Outcome];

const cases: readonly Case[] = [
  ['the address -1 for an out-word', 'req_get_method', [-1, 0x44, 0], OUTSIDE],
  ['the address -1 for the other', 'req_get_method', [0x40, -1, 0], OUTSIDE],
  ['the smallest i32 for an out-word', 'req_get_path', [MIN, 0x44, 0], OUTSIDE],
  ['an out-word half outside', 'req_get_body', [END - 2, 0x44, 0], OUTSIDE],
  ['out-words that are the same', 'req_get_method', [0x40, 0x40, 0], undefined],
  ['out-words over each other', 'req_get_method', [0x40, 0x42, 0], undefined],
  ['out-words of a bad handle outside', 'req_get_method', [END, END, 7], OUTSIDE],
  ['the null pointer for out-words', 'req_get_method', [0, 4, 0], undefined],
  ['a name of 4 GiB', 'req_get_header', [0x40, 0x44, 0, 0, -1], OUTSIDE],
  ['a name as long as memory', 'req_get_header', [0x40, 0x44, 0, 0, END], undefined],
  ['a name of no bytes at -1', 'req_get_header', [0x40, 0x44, 0, -1, 0], undefined],
  ['a method of 4 GiB', 'req_create', [0, -1, 0, 4], OUTSIDE],
  ['a method as long as memory', 'req_create', [0, END, 0, 4], -1],
  ['a URL of 4 GiB', 'req_create', [0x100, 3, 0, TOP], OUTSIDE],
  ['a URL as long as memory', 'req_create', [0x100, 3, 0, END], -1],
  ['a URL of no bytes', 'req_create', [0x100, 3, -1, 0], -1],
  ['2^32 - 1 values', 'resp_set_header', [0, 0x100, 3, 0, -1], 1],
  ['2^31 values', 'resp_set_header', [0, 0x100, 3, 0, MIN], 1],
  ['2^29 values, 8 bytes each', 'resp_set_header', [0, 0x100, 3, 0, 0x2000_0000], 1],
  ['values that begin outside', 'resp_set_header', [0, 0x100, 3, END, 1], OUTSIDE],
  ['values that end outside', 'resp_set_header', [0, 0x100, 3, END - 8, 2], OUTSIDE],
  ['values whose slices point outside', 'resp_set_header', [0, 0x100, 3, 0x800, 1], OUTSIDE],
  ['no values at -1', 'resp_set_header', [0, 0x100, 3, -1, 0], 0],
  ['a body of 4 GiB', 'resp_set_body', [0, 0, -1], OUTSIDE],
  ['a body that wraps', 'resp_set_body', [0, -16, 64], OUTSIDE],
  ['a body of all memory', 'resp_set_body', [0, 0, END], 0],
  ['a body of no bytes at -1', 'resp_set_body', [0, -1, 0], 0],
  ['a body for the handle -1', 'resp_set_body', [-1, 0, 4], 1],
  ['a bad body for a bad handle', 'resp_set_body', [7, -1, -1], 1],
  ['the status 2^31', 'resp_set_response_code', [0, MIN], 1],
  ['a status whose low bits are 200', 'resp_set_response_code', [0, 65_736], 1],
  ['the status of the handle -2', 'resp_get_response_code', [-2], 0],
  ['2^32 - 1 handles', 'pending_req_select', [0, -1, 0x40], -1],
  ['no handles', 'pending_req_select', [-1, 0, 0x40], -1],
  ['a select that answers outside', 'pending_req_select', [0, 1, END - 3], OUTSIDE],
  ['a wait for the smallest i32', 'pending_req_wait', [MIN], -1],
  ['a poll of a handle that is none', 'pending_req_poll', [0x7fff_ffff], -1],
  ['a key of 4 GiB', 'kvstore_insert', [0, -1, 0, 4], OUTSIDE],
  ['a value of 4 GiB', 'kvstore_insert', [0, 4, 0, -1], OUTSIDE],
  ['a key above the limit', 'kvstore_append', [0, 4_097, 0, 4], /key of at most 4 KiB/],
  ['to find a key above the limit', 'kvstore_get', [0x40, 0x44, 0, 4_097], 0],
  ['to find a key outside', 'kvstore_get', [0x40, 0x44, END, 1], OUTSIDE],
  ['a value given outside', 'kvstore_get', [END, 0x44, 0x100, 3], OUTSIDE],
  ['a message of 4 GiB - 2', 'debug', [0, -2], OUTSIDE],
  ['a message to the NUL from outside', 'debug', [END, -1], OUTSIDE],
  ['a message to a NUL that never comes', 'debug', [0x1000, -1], OUTSIDE],
  ['a panic outside', 'panic_hook', [-8, 4], OUTSIDE],
  ['nanoseconds outside', 'time_now', [-1], OUTSIDE],
  ['a name to resolve of 4 GiB', 'dns_query_ip', [0x40, 0x44, 0, -1, 0], OUTSIDE],
  ['a name to resolve as long as memory', 'dns_query_ip', [0x40, 0x44, 0, END, 0], 1],
  ['a DNS message as long as memory', 'dns_query_raw', [0x40, 0x44, 0, END], 1],
  ['an allocator that is nowhere', 'init_mm', [-1, -1], undefined],
];

async function createVictim(): Promise<AbiHost> {
  const puppet = await createPuppet();
  put(puppet, 0x100, 'GET');
  // A slice whose bytes end one past memory.
  puppet.bytes.writeUInt32LE(END - 4, 0x800);
  puppet.bytes.writeUInt32LE(5, 0x804);
  return puppet;
}

test.each(cases)('%s', async (_what, call, args, outcome) => {
  const puppet = await createVictim();
  const answer = puppet.call(call, ...args);
  if (outcome instanceof RegExp) await expect(answer).rejects.toThrow(outcome);
  else expect(await answer).toBe(outcome);

  const exchange = puppet.begin();
  await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'still good'));
  puppet.binding.finish({ kind: 'returned' });
  expect(exchange.sent?.text).toBe('still good');
});

describe('an allocator', () => {
  const malloc = (body: string) => ({
    malloc: {
      wat: `(func $malloc (export "default_malloc_impl") (param $size i32) (result i32) ${body})`,
    },
  });

  test.each([
    ['answers 0', '(i32.const 0)', /malloc answered 0 for 4 bytes/],
    ['answers the end of memory', '(i32.const 65536)', /received 65536/],
    ['answers 3 bytes before the end', '(i32.const 65533)', /received 65533/],
    ['answers -1', '(i32.const -1)', /received 4294967295/],
    ['traps', '(unreachable)', /unreachable/],
    [
      'makes a hostcall',
      '(drop (call $hostcall_rng_next_u64)) (i32.const 4096)',
      /while the host called the guest/,
    ],
    [
      'makes a hostcall that waits',
      '(call $hostcall_kvstore_remove (i32.const 0) (i32.const 0))',
      /SuspendError/,
    ],
    ['recurses without end', '(call $malloc (local.get $size))', /RangeError/],
  ])('that %s ends the run', async (_what, body, reason) => {
    const puppet = await createPuppet(malloc(body));
    await expect(puppet.call('req_get_method', 0x40, 0x44, 0)).rejects.toThrow(reason);
  });

  test.each([
    ['4 bytes before the end', '(i32.const 65532)'],
    ['an odd address', '(i32.const 4097)'],
    ['the out-words', '(i32.const 0x40)'],
  ])('that answers %s harms only its guest', async (_what, body) => {
    const puppet = await createPuppet(malloc(body));
    await puppet.call('req_get_method', 0x40, 0x44, 0);
    expect(puppet.bytes.readUInt32LE(0x44)).toBe(3);
  });
});

describe('a flood', () => {
  test('of headers is cut by lines', async () => {
    const puppet = await createPuppet();
    let granted = 0;
    for (let count = 0; count < 300; count += 1) {
      const name = put(puppet, 0x100, `x-${count}`);
      granted += (await puppet.call('resp_set_header', 0, ...name, 0x140, 0)) === 0 ? 1 : 0;
      puppet.bytes.fill(0, 0x140, 0x148);
      granted += (await puppet.call('resp_set_header', 0, ...name, 0x140, 1)) === 0 ? 1 : 0;
    }
    expect(granted - 300).toBe(defaultLimits.replyHeadersMax);
  });

  test('of requests is cut by handles', async () => {
    const puppet = await createPuppet();
    const method = put(puppet, 0x100, 'GET');
    const url = put(puppet, 0x110, 'http://a.test/');
    let granted = 0;
    for (let count = 0; count < 200; count += 1) {
      granted += (await puppet.call('req_create', ...method, ...url)) === -1 ? 0 : 1;
    }
    expect(granted).toBe(defaultLimits.handlesPerRunMax);
  });
});
