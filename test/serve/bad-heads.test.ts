/** Heads that a wire will not send: somebody can still be told. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { type Ports, protocols, tell } from '../support/answer-clients.ts';
import { listenPlainly, type PlainListener } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

let plain: PlainListener;
let secure: SecureListener;
let ports: Ports;

const ways: Readonly<Record<string, (exchange: HttpExchange) => void>> = {
  '/whole': (exchange) => exchange.send({ status: 1_000, headers: [] }, Buffer.from('x')),
  '/pieces': (exchange) => exchange.start({ status: 1_000, headers: [] }),
};

async function serve(exchange: HttpExchange): Promise<void> {
  expect(() => ways[exchange.request.target]?.(exchange)).toThrow(RangeError);
  expect(exchange.replyState).toBe('none');
  exchange.send({ status: 500, headers: [] }, Buffer.from('no'));
}

beforeEach(async () => {
  plain = await listenPlainly({}, serve);
  secure = await listenSecurely({}, serve);
  ports = { plain: plain.port, tls: secure.port };
});

afterEach(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

describe.each(protocols)('%s', (protocol) => {
  test.each(Object.keys(ways))('a status that is none (%s)', async (target) => {
    expect(await tell(protocol, ports, target)).toMatchObject({ status: 500, text: 'no' });
  });
});
