/**
 * The guest's malloc may grow memory, which detaches every view of it. Under each hostcall that
 * allocates, it does so at every call here.
 */
import { expect, test } from 'vitest';
import type { AbiHost } from '../support/abi-host.ts';
import { createPuppet, put, readGiven, readGivenList } from '../support/abi-puppet.ts';
import { outboundReply } from '../support/abi-world.ts';

const OUT = 0x40;
const NAME = 0x100;

async function createGrowing(): Promise<AbiHost> {
  const puppet = await createPuppet({
    malloc: 'growing',
    request: {
      body: 'the body',
      headers: [
        ['x-a', '1'],
        ['x-b', ''],
        ['x-a', '2'],
      ],
    },
  });
  const reply = outboundReply('fetched', {
    headers: [
      ['x-c', '3'],
      ['x-d', '4'],
      ['x-c', '5'],
    ],
  });
  puppet.world.fetch.answer('http://a.test/', async () => reply);
  puppet.world.keyValue.entries.set('key', Buffer.from('value'));
  puppet.world.keyValue.entries.set('empty', new Uint8Array(0));
  puppet.world.resolve.message = Buffer.from('!');
  const addresses = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)];
  puppet.world.resolve.names.set('4 a.test', addresses);
  const method = put(puppet, NAME, 'PUT');
  const url = put(puppet, NAME + 16, 'http://a.test/');
  await puppet.call('req_create', ...method, ...url);
  await puppet.call('req_send', 1);
  return puppet;
}

type Args = (puppet: AbiHost) => readonly number[];

const bytesOut: readonly [string, Args, string][] = [
  ['req_get_method', () => [0], 'GET'],
  ['req_get_path', () => [0], '/hello.wasm?x=1'],
  ['req_get_body', () => [0], 'the body'],
  ['resp_get_body', () => [1], 'fetched'],
  ['kvstore_get', (puppet) => put(puppet, NAME, 'key'), 'value'],
  ['kvstore_get', (puppet) => put(puppet, NAME, 'empty'), ''],
  ['dns_query_raw', (puppet) => put(puppet, NAME, 'query'), 'query!'],
];

const listsOut: readonly [string, Args, readonly string[]][] = [
  ['req_get_headers', () => [0], ['x-a', 'x-b', 'host', 'fastly-client-ip', 'x-fastly-client-ip']],
  ['req_get_header', (puppet) => [0, ...put(puppet, NAME, 'x-a')], ['1', '2']],
  ['req_get_header', (puppet) => [0, ...put(puppet, NAME, 'x-b')], ['']],
  ['resp_get_headers', () => [1], ['x-c', 'x-d']],
  ['resp_get_header', (puppet) => [1, ...put(puppet, NAME, 'x-c')], ['3', '5']],
  [
    'dns_query_ip',
    (puppet) => [...put(puppet, NAME, 'a.test'), 0],
    ['\u0001\u0002\u0003\u0004', '\u0005\u0006\u0007\b'],
  ],
];

test.each(bytesOut)('%s #%$', async (name, makeArgs, expected) => {
  const puppet = await createGrowing();
  const sizeBefore = puppet.bytes.length;
  await puppet.call(name, OUT, OUT + 4, ...makeArgs(puppet));
  expect(readGiven(puppet, OUT)).toBe(expected);
  expect(puppet.bytes.length - sizeBefore).toBe(65_536);
  expect(puppet.bytes.readUInt32LE(OUT)).toBe(sizeBefore);
  // The mask on both sides of the out-words, and the NUL after the text.
  expect(puppet.bytes[OUT - 1]).toBe(0xaa);
  expect(puppet.bytes[OUT + 8]).toBe(0xaa);
  expect(puppet.bytes[sizeBefore + expected.length]).toBe(0);
});

test.each(listsOut)('%s #%$', async (name, makeArgs, expected) => {
  const puppet = await createGrowing();
  const sizeBefore = puppet.bytes.length;
  await puppet.call(name, OUT, OUT + 4, ...makeArgs(puppet));
  expect(readGivenList(puppet, OUT)).toEqual(expected);
  // An allocation an item and one for the array.
  expect(puppet.bytes.length - sizeBefore).toBe((expected.length + 1) * 65_536);
  expect(puppet.bytes[OUT - 1]).toBe(0xaa);
  expect(puppet.bytes[OUT + 8]).toBe(0xaa);
});
