import { expect, test } from 'vitest';
import { createFastlyPuppet, type FastlyPuppet } from '../../../support/fastly-puppet.ts';

const CACHE = 'fastly_cache';
const OPTIONS = 4_000;
/** Of lookups: ranges hold also where the length is not known. */
const ALWAYS = 8;
/** Of bodies: `from` and `to`. */
const BOTH = 6;
const MINUTE_NS = 60_000_000_000n;

/** The structure of an object that is fresh for a minute. */
function fresh(puppet: FastlyPuppet): readonly [mask: number, ptr: number] {
  puppet.bytes.writeBigUInt64LE(MINUTE_NS, OPTIONS);
  return [0, OPTIONS];
}

function range(puppet: FastlyPuppet, from: bigint, to: bigint): readonly [number, number] {
  puppet.bytes.writeBigUInt64LE(from, OPTIONS);
  puppet.bytes.writeBigUInt64LE(to, OPTIONS + 8);
  return [BOTH, OPTIONS];
}

test('a range that the lookup always wanted is given, the length still unknown', async () => {
  const puppet = await createFastlyPuppet();
  const lookup = await puppet.number(`${CACHE}.transaction_lookup`, 'k', ALWAYS, OPTIONS);
  const name = `${CACHE}.transaction_insert_and_stream_back`;
  expect(await puppet.call(name, lookup, ...fresh(puppet), 59_000, 59_004)).toBe(0);
  const [body, back] = [puppet.u32(59_000), puppet.u32(59_004)];
  await puppet.number('fastly_http_body.write', body, 'hello beautiful world', 0);
  const part = await puppet.number(`${CACHE}.get_body`, back, ...range(puppet, 6n, 14n));
  await puppet.call('fastly_http_body.close', body);
  expect(await puppet.read(part)).toBe('beautiful');
  puppet.end();
});

test('such a range breaks off where the body ends before it, and none goes backwards', async () => {
  const puppet = await createFastlyPuppet();
  const body = await puppet.number(`${CACHE}.insert`, 'k', ...fresh(puppet));
  await puppet.number('fastly_http_body.write', body, 'hello', 0);
  const lookup = await puppet.number(`${CACHE}.lookup`, 'k', ALWAYS, OPTIONS);
  const backwards = range(puppet, 6n, 4n);
  expect(await puppet.call(`${CACHE}.get_body`, lookup, ...backwards, 60_000)).toBe(2);
  const part = await puppet.number(`${CACHE}.get_body`, lookup, ...range(puppet, 1n, 6n));
  expect(await puppet.read(part)).toBe('ello');
  await puppet.call('fastly_http_body.close', body);
  await expect(puppet.read(part)).rejects.toThrow('status 9');
  puppet.end();
});

test('a length that nobody knew when it was asked for stays so for that handle', async () => {
  const puppet = await createFastlyPuppet();
  const body = await puppet.number(`${CACHE}.insert`, 'k', ...fresh(puppet));
  const early = await puppet.number(`${CACHE}.lookup`, 'k', 0, 0);
  const unasked = await puppet.number(`${CACHE}.lookup`, 'k', 0, 0);
  expect(await puppet.call(`${CACHE}.get_length`, early, 60_000)).toBe(10);
  await puppet.number('fastly_http_body.write', body, 'hello', 0);
  await puppet.call('fastly_http_body.close', body);
  const late = await puppet.number(`${CACHE}.lookup`, 'k', 0, 0);
  for (const handle of [late, unasked]) {
    expect(await puppet.call(`${CACHE}.get_length`, handle, 60_000)).toBe(0);
    expect(puppet.bytes.readBigUInt64LE(60_000)).toBe(5n);
  }
  expect(await puppet.call(`${CACHE}.get_length`, early, 60_000)).toBe(10);
  puppet.end();
});
