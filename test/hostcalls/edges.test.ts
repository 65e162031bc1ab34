/**
 * Every pointer of every hostcall, at the last offset where what it points to lies in memory, and
 * one past it.
 */
import { describe, expect, test } from 'vitest';
import type { AbiHost } from '../support/abi-host.ts';
import { createPuppet, put } from '../support/abi-puppet.ts';
import { outboundReply } from '../support/abi-world.ts';

const END = 65_536;
const OUT = 0x40;
const NAME = 0x100;
const LIST = 0x180;

interface Edge {
  readonly call: string;
  readonly what: string;
  /** Bytes that the pointer covers. */
  readonly bytes: number;
  readonly args: (ptr: number) => readonly number[];
}

const word = (call: string, what: string, args: Edge['args']): Edge => ({
  call,
  what,
  bytes: 4,
  args,
});

const outWords = (call: string, ...rest: readonly number[]): readonly Edge[] => [
  word(call, 'the out-word of the address', (ptr) => [ptr, OUT, ...rest]),
  word(call, 'the out-word of the length', (ptr) => [OUT, ptr, ...rest]),
];

const setHeader = (call: string, handle: number): readonly Edge[] => [
  word(call, 'the name', (ptr) => [handle, ptr, 4, LIST, 1]),
  { call, what: 'the slices', bytes: 16, args: (ptr) => [handle, NAME, 4, ptr, 2] },
];

const store = (call: string): readonly Edge[] => [
  word(call, 'the key', (ptr) => [ptr, 4, NAME, 4]),
  word(call, 'the value', (ptr) => [NAME, 4, ptr, 4]),
];

const edges: readonly Edge[] = [
  word('panic_hook', 'the message', (ptr) => [ptr, 4]),
  word('debug', 'the message', (ptr) => [ptr, 4]),
  { call: 'debug', what: 'the NUL', bytes: 1, args: (ptr) => [ptr, -1] },
  ...outWords('req_get_method', 0),
  ...outWords('req_get_path', 0),
  ...outWords('req_get_body', 0),
  ...outWords('req_get_headers', 0),
  ...outWords('req_get_header', 0, NAME, 4),
  word('req_get_header', 'the name', (ptr) => [OUT, OUT + 4, 0, ptr, 4]),
  word('req_create', 'the method', (ptr) => [ptr, 4, NAME, 4]),
  word('req_create', 'the URL', (ptr) => [NAME, 4, ptr, 4]),
  ...setHeader('req_set_header', 2),
  word('req_set_body', 'the body', (ptr) => [2, ptr, 4]),
  word('pending_req_select', 'the handles', (ptr) => [ptr, 1, OUT]),
  word('pending_req_select', 'the out-word', (ptr) => [LIST, 1, ptr]),
  ...outWords('resp_get_headers', 1),
  ...outWords('resp_get_header', 1, NAME, 4),
  word('resp_get_header', 'the name', (ptr) => [OUT, OUT + 4, 1, ptr, 4]),
  ...outWords('resp_get_body', 1),
  ...setHeader('resp_set_header', 0),
  word('resp_set_body', 'the body', (ptr) => [0, ptr, 4]),
  ...store('kvstore_insert'),
  ...store('kvstore_upsert'),
  ...store('kvstore_append'),
  ...outWords('kvstore_get', NAME, 4),
  word('kvstore_get', 'the key', (ptr) => [OUT, OUT + 4, ptr, 4]),
  word('kvstore_remove', 'the key', (ptr) => [ptr, 4]),
  word('time_now', 'the nanoseconds', (ptr) => [ptr]),
  ...outWords('dns_query_raw', NAME, 4),
  word('dns_query_raw', 'the query', (ptr) => [OUT, OUT + 4, ptr, 4]),
  ...outWords('dns_query_ip', NAME, 4, 0),
  word('dns_query_ip', 'the name', (ptr) => [OUT, OUT + 4, ptr, 4, 0]),
];

/** Request 2 is being written, response 1 fetched, key and name `host` known. */
async function createReady(): Promise<AbiHost> {
  const puppet = await createPuppet({ request: { body: 'body' } });
  puppet.world.fetch.answer('http://a.test/', async () =>
    outboundReply('fetched', { headers: [['host', 'x']] }),
  );
  puppet.world.keyValue.entries.set('host', Buffer.from('value'));
  puppet.world.resolve.message = Buffer.from('!');
  puppet.world.resolve.names.set('4 host', [Uint8Array.of(1, 2, 3, 4)]);
  for (let count = 0; count < 2; count += 1) {
    const method = put(puppet, 0x200, 'GET');
    await puppet.call('req_create', ...method, ...put(puppet, 0x210, 'http://a.test/'));
  }
  await puppet.call('req_send', 1);
  // Zeros read as an empty list, an empty string, or a handle that is none.
  puppet.bytes.fill(0, END - 64);
  puppet.bytes.fill(0, LIST, LIST + 16);
  put(puppet, NAME, 'host');
  return puppet;
}

describe.each(edges)('$call, $what', ({ call, bytes, args }) => {
  test('at the last valid offset', async () => {
    const puppet = await createReady();
    await puppet.call(call, ...args(END - bytes));
    expect(puppet.bytes).toHaveLength(END);
  });

  test.each([
    ['one past it', END - bytes + 1],
    ['at the end of memory', END],
    ['ending with the address space', -bytes],
    ['at its last byte', -1],
  ])('%s', async (_where, ptr) => {
    const puppet = await createReady();
    const before = Buffer.from(puppet.bytes);
    await expect(puppet.call(call, ...args(ptr))).rejects.toThrow(
      /^Cannot reach into linear memory: it has 65536 bytes: received address \d+, length \d+$/,
    );
    // Whatever was allocated or zeroed before the trap, nothing reached the last bytes.
    expect(puppet.bytes.subarray(END - 64).equals(before.subarray(END - 64))).toBe(true);
  });
});

test.each([
  ['resp_set_header', 0],
  ['req_set_header', 2],
])('%s: a value that does not lie in memory traps', async (call, handle) => {
  for (const [ptr, len] of [
    [END - 3, 4],
    [-1, 2],
    [0, -1],
    [END, 1],
  ] as const) {
    const puppet = await createReady();
    puppet.bytes.writeInt32LE(ptr, LIST);
    puppet.bytes.writeInt32LE(len, LIST + 4);
    await expect(puppet.call(call, handle, NAME, 4, LIST, 1)).rejects.toThrow(/linear memory/);
  }
});
