/** Answers in the cache, and the servers that they are from. */
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/capability/fetch/contract.ts';
import type { FastlyPuppet } from '../../../support/fastly-puppet.ts';
import {
  BODY,
  makeRequest,
  REQ,
  RESPONSE,
  replyOf,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();
const HTTP = 'fastly_http_cache';
const OPTIONS = 4_000;
const NAME = 4_100;
const address = { isTls: true, host: 'a.example', port: 443 } as const;
const origin: Backend = { address };
const others: Readonly<Record<string, Backend>> = {
  'at another address': { address: { ...address, host: 'b.example' } },
  'at another port': { address: { ...address, port: 444 } },
  'without TLS': { address: { ...address, isTls: false } },
  'below another path': { address: { ...address, path: '/b' } },
  'that is called by another name': { address, host: 'b.example' },
  'with another name in the handshake': { address, sni: 'b.example' },
  'that proves another name': { address, certificateHost: 'b.example' },
  'of another authority': { address, ca: 'B' },
  'that knows the client by a certificate': { address, clientCertificate: 'B', clientKeyPem: 'B' },
};

/** The state of a lookup of one URL for a back-end. */
async function lookFor(puppet: FastlyPuppet, backend: string): Promise<number> {
  const request = await makeRequest(puppet, 'http://site.example/');
  const [ptr, length] = puppet.put(NAME, backend);
  puppet.bytes.writeUInt32LE(ptr, OPTIONS + 8);
  puppet.bytes.writeUInt32LE(length, OPTIONS + 12);
  return puppet.number(`${HTTP}.transaction_lookup`, request, 4, OPTIONS);
}

async function keep(puppet: FastlyPuppet, lookup: number): Promise<void> {
  const kept = await puppet.number('fastly_http_resp.new');
  puppet.bytes.writeBigUInt64LE(60_000_000_000n, OPTIONS);
  const body = await puppet.number(`${HTTP}.transaction_insert`, lookup, kept, 0, OPTIONS);
  await puppet.call('fastly_http_body.close', body);
}

describe('an answer that a program has put into the cache', () => {
  test('is found for the same server by another name', async () => {
    const puppet = await bench.puppet({ backends: { a: origin, b: { ...origin } } });
    await keep(puppet, await lookFor(puppet, 'a'));
    expect(await puppet.number(`${HTTP}.get_state`, await lookFor(puppet, 'b'))).toBe(3);
  });

  test.each(Object.entries(others))('is not found for a server %s', async (_what, other) => {
    const puppet = await bench.puppet({ backends: { mine: origin } });
    await keep(puppet, await lookFor(puppet, 'mine'));
    expect(await puppet.number(`${HTTP}.get_state`, await lookFor(puppet, 'mine'))).toBe(3);
    const { world } = await bench.puppet({ backends: { mine: other } });
    Object.assign(puppet.world, { fetch: world.fetch });
    expect(await puppet.number(`${HTTP}.get_state`, await lookFor(puppet, 'mine'))).toBe(8);
  });
});

describe('an answer that was read through the cache', () => {
  test('is not given for a back-end below another path of the same server', async () => {
    bench.answer = (request, response) => response.end(request.url);
    const { address: server } = bench.backend();
    const below = (path: string): Backend => ({ address: { ...server, path } });
    const puppet = await bench.puppet({ backends: { a: below('/a'), b: below('/b') } });
    for (const name of ['a', 'b']) {
      const request = await makeRequest(puppet, 'http://site.example/x');
      const args = [request, await puppet.body(''), name, RESPONSE, BODY] as const;
      expect(await puppet.call(`${REQ}.send`, ...args)).toBe(0);
      expect((await replyOf(puppet)).text).toBe(`/${name}/x`);
    }
  });
});
