import { describe, expect, test } from 'vitest';
import type { Resolve } from '../../../src/capability/resolve/contract.ts';
import { RunResolve } from '../../../src/capability/resolve/resolve.ts';

const asker: Resolve = {
  addresses: (name, family) =>
    name === 'missing.example'
      ? Promise.reject(new Error('NXDOMAIN from 10.0.0.53'))
      : Promise.resolve([new Uint8Array(family === 4 ? 4 : 16)]),
  exchange: (query) => Promise.resolve(query),
};

function open(dnsQueriesPerRunMax = 10): RunResolve {
  return new RunResolve(asker, { dnsQueriesPerRunMax });
}

function refusal(kind: string, message: RegExp): object {
  return { name: 'CapabilityRefusal', kind, message: expect.stringMatching(message) };
}

describe('name resolution for a run', () => {
  test('addresses and raw messages come from the daemon’s resolver', async () => {
    expect(await open().addresses('a.example', 4)).toEqual([new Uint8Array(4)]);
    expect(await open().addresses('a.example', 6)).toEqual([new Uint8Array(16)]);
    expect(await open().exchange(new Uint8Array(12).fill(7))).toEqual(new Uint8Array(12).fill(7));
  });

  test('a query is copied out of the guest’s memory', async () => {
    const memory = new Uint8Array(64).fill(1);
    const asked = open().exchange(memory.subarray(0, 12));
    memory.fill(2);
    expect(await asked).toEqual(new Uint8Array(12).fill(1));
  });

  test('dnsQueriesPerRunMax counts both kinds', async () => {
    const resolve = open(2);
    await resolve.addresses('a.example', 4);
    await resolve.exchange(new Uint8Array(12));
    const why = refusal('limit', /may ask 2 times/);
    await expect(resolve.addresses('a.example', 4)).rejects.toMatchObject(why);
    await expect(resolve.exchange(new Uint8Array(12))).rejects.toMatchObject(why);
  });

  test('a failure names what was asked and nothing of our resolver', async () => {
    const why = refusal('dns', /^((?!10\.0\.0\.53).)*received "missing\.example"$/);
    await expect(open().addresses('missing.example', 4)).rejects.toMatchObject(why);
  });

  test.each(['', 'a'.repeat(255)])('a name of the wrong length is refused: %j', async (name) => {
    await expect(open().addresses(name, 4)).rejects.toMatchObject(refusal('input', /254/));
  });

  test.each([0, 11, 513])('a query of %i bytes is refused', async (size) => {
    const asked = open().exchange(new Uint8Array(size));
    await expect(asked).rejects.toMatchObject(refusal('input', /12 to 512 bytes/));
  });
});
