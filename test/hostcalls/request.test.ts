import { expect, test } from 'vitest';
import {
  changesSince,
  createPuppet,
  put,
  putList,
  readGiven,
  readGivenList,
} from '../support/abi-puppet.ts';

const OUT = 0x40;
const INCOMING = 0;

test('req_get_method gives the method and a NUL behind it', async () => {
  const puppet = await createPuppet();
  const before = Buffer.from(puppet.bytes);
  await puppet.call('req_get_method', OUT, OUT + 4, INCOMING);
  expect(changesSince(before, puppet)).toEqual({
    '0x0040': '00 10 00 00 03 00 00 00',
    '0x1000': '47 45 54 00',
  });
  expect(puppet.writes).toContainEqual({ ptr: 0x1000, len: 3 });
});

test('out-words may be apart, unaligned, and in any order', async () => {
  const puppet = await createPuppet();
  const before = Buffer.from(puppet.bytes);
  await puppet.call('req_get_method', 0x203, 0x101, INCOMING);
  expect(changesSince(before, puppet)).toEqual({
    '0x0101': '03 00 00 00',
    '0x0203': '00 10 00 00',
    '0x1000': '47 45 54 00',
  });
});

test('req_get_path gives path and query as received', async () => {
  const puppet = await createPuppet({ request: { target: '/a.wasm/b?x=%41&y' } });
  await puppet.call('req_get_path', OUT, OUT + 4, INCOMING);
  expect(readGiven(puppet, OUT)).toBe('/a.wasm/b?x=%41&y');
});

test('req_get_path percent-encodes what a Rust guest would panic at', async () => {
  const puppet = await createPuppet({ request: { target: '/a.wasm?<\u00e9>' } });
  await puppet.call('req_get_path', OUT, OUT + 4, INCOMING);
  expect(readGiven(puppet, OUT)).toBe('/a.wasm?%3C%E9%3E');
});

test('req_get_body gives the same bytes every time', async () => {
  const body = Uint8Array.of(0, 1, 0xfe, 0xff);
  const puppet = await createPuppet({ request: { body } });
  for (const out of [OUT, OUT + 8]) {
    await puppet.call('req_get_body', out, out + 4, INCOMING);
    expect(readGiven(puppet, out)).toBe('\u0000\u0001\u00fe\u00ff');
  }
});

test('req_get_body of an empty body is 0, 0 and allocates nothing', async () => {
  const puppet = await createPuppet();
  const before = Buffer.from(puppet.bytes);
  await puppet.call('req_get_body', OUT, OUT + 4, INCOMING);
  expect(changesSince(before, puppet)).toEqual({ '0x0040': '00 00 00 00 00 00 00 00' });
});

test('req_get_headers gives each name once, in lower case', async () => {
  const headers = [
    ['host', 'sent.test'],
    ['x-a', '1'],
    ['x-b', '2'],
    ['x-a', '3'],
  ] as const;
  const puppet = await createPuppet({ request: { headers } });
  await puppet.call('req_get_headers', OUT, OUT + 4, INCOMING);
  expect(readGivenList(puppet, OUT)).toEqual([
    'host',
    'x-a',
    'x-b',
    'fastly-client-ip',
    'x-fastly-client-ip',
  ]);
});

test('req_get_header gives every value, whatever the case of the name', async () => {
  const headers = [
    ['foo', 'bar'],
    ['x', 'y'],
    ['foo', 'baz'],
  ] as const;
  const puppet = await createPuppet({ request: { headers } });
  const name = put(puppet, 0x10, 'FoO');
  const before = Buffer.from(puppet.bytes);
  await puppet.call('req_get_header', OUT, OUT + 4, INCOMING, ...name);
  expect(changesSince(before, puppet)).toEqual({
    '0x0040': '10 10 00 00 02 00 00 00',
    '0x1000': '62 61 72 00',
    '0x1008': '62 61 7a 00',
    '0x1010': '00 10 00 00 03 00 00 00 08 10 00 00 03 00 00 00',
  });
});

test('req_get_header gives an empty value as a slice of no bytes with an address', async () => {
  const puppet = await createPuppet({ request: { headers: [['x-empty', '']] } });
  const name = put(puppet, 0x10, 'x-empty');
  const before = Buffer.from(puppet.bytes);
  await puppet.call('req_get_header', OUT, OUT + 4, INCOMING, ...name);
  expect(changesSince(before, puppet)).toEqual({
    '0x0040': '08 10 00 00 01 00 00 00',
    '0x1000': '00',
    '0x1008': '00 10 00 00 00 00 00 00',
  });
});

test('req_get_header of an absent name is 0, 0 and allocates nothing', async () => {
  const puppet = await createPuppet();
  const name = put(puppet, 0x10, 'absent');
  const before = Buffer.from(puppet.bytes);
  await puppet.call('req_get_header', OUT, OUT + 4, INCOMING, ...name);
  expect(changesSince(before, puppet)).toEqual({ '0x0040': '00 00 00 00 00 00 00 00' });
});

test.each([
  ['host', 'example.test', 'the authority, not what a header said'],
  ['fastly-client-ip', '192.0.2.7', "the visitor's address, not its claim"],
  ['x-fastly-client-ip', '192.0.2.7', "the visitor's address, not its claim"],
  ['x-bytes', '%C3%A9', 'encoded'],
])('req_get_header of %s is %s: %s', async (name, value) => {
  const headers = [
    ['host', 'other.test'],
    ['fastly-client-ip', '10.0.0.1'],
    ['x-fastly-client-ip', '10.0.0.2'],
    ['x-bytes', '\u00c3\u00a9'],
  ] as const;
  const puppet = await createPuppet({ request: { headers } });
  await puppet.call('req_get_header', OUT, OUT + 4, INCOMING, ...put(puppet, 0x10, name));
  expect(readGivenList(puppet, OUT)).toEqual([value]);
});

test('a request without an authority has no host', async () => {
  const puppet = await createPuppet({ request: { authority: '', headers: [] } });
  await puppet.call('req_get_header', OUT, OUT + 4, INCOMING, ...put(puppet, 0x10, 'host'));
  expect(readGivenList(puppet, OUT)).toEqual([]);
});

test('getters answer for a created request too', async () => {
  const puppet = await createPuppet();
  const method = put(puppet, 0x100, 'PUT');
  const url = put(puppet, 0x110, 'http://a.test/p/q?r=s#t');
  const handle = await puppet.call('req_create', ...method, ...url);
  expect(handle).toBe(1);
  const name = put(puppet, 0x200, 'X-A');
  await puppet.call('req_set_header', 1, ...name, ...putList(puppet, 0x210, ['one', 'two']));
  await puppet.call('req_set_body', 1, ...put(puppet, 0x300, 'content'));

  await puppet.call('req_get_method', OUT, OUT + 4, 1);
  expect(readGiven(puppet, OUT)).toBe('PUT');
  await puppet.call('req_get_path', OUT, OUT + 4, 1);
  expect(readGiven(puppet, OUT)).toBe('/p/q?r=s');
  await puppet.call('req_get_body', OUT, OUT + 4, 1);
  expect(readGiven(puppet, OUT)).toBe('content');
  await puppet.call('req_get_headers', OUT, OUT + 4, 1);
  expect(readGivenList(puppet, OUT)).toEqual(['x-a']);
  await puppet.call('req_get_header', OUT, OUT + 4, 1, ...name);
  expect(readGivenList(puppet, OUT)).toEqual(['one', 'two']);
});

test.each([
  ['req_get_method', []],
  ['req_get_path', []],
  ['req_get_body', []],
  ['req_get_headers', []],
  ['req_get_header', [0x10, 3]],
] as const)('%s of an unknown handle is 0, 0 and a line in the log', async (name, rest) => {
  const puppet = await createPuppet();
  for (const handle of [-1, 1, 0x7fff_ffff, -0x8000_0000]) {
    puppet.bytes.fill(0xaa);
    await puppet.call(name, OUT, OUT + 4, handle, ...rest);
    expect(puppet.bytes.toString('hex', OUT - 2, OUT + 10)).toBe('aaaa0000000000000000aaaa');
  }
  expect(puppet.world.logLines).toHaveLength(4);
  expect(puppet.world.logLines[0]).toMatch(/^warn Cannot find a request.*received -1$/);
});
