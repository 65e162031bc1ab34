import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  BODY,
  echo,
  makeRequest,
  ok,
  REQ,
  RESPONSE,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();

describe.each(['websocket', 'grip'])('redirect_to_%s_proxy', (kind) => {
  const v1 = `${REQ}.redirect_to_${kind}_proxy`;
  const v2 = `${v1}_v2`;

  test('hands the request over as it was received, with its body', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet({ body: 'goods', request: { method: 'POST' } });
    expect(await puppet.call(v1, 'origin')).toBe(0);
    puppet.end();
    await puppet.exchange.passed;
    expect(puppet.exchange.text).toBe('goods');
    expect(puppet.exchange.headers).toContainEqual(expect.stringMatching(/^x-seen: POST /));
    expect(bench.seen[0]?.headers.host).toBe(`127.0.0.1:${bench.port}`);
  });

  test('hands it over as the guest wants it, with the back-end’s Host', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet({
      backends: { named: bench.backend({ host: 'n.example' }) },
    });
    const headers = { 'x-mine': '1', host: 'guest.example' };
    const request = await makeRequest(puppet, 'http://x.example/room?a=1', { headers });
    expect(await puppet.call(v2, request, 'named')).toBe(0);
    await puppet.exchange.passed;
    expect(bench.seen[0]?.url).toBe('/room?a=1');
    expect(bench.seen[0]?.headers).toMatchObject({ host: 'n.example', 'x-mine': '1' });
  });

  test('is an answer: once, and after no other', async () => {
    const puppet = await bench.puppet();
    expect(await puppet.call(v1, 'origin')).toBe(0);
    expect(await puppet.call(v1, 'origin')).toBe(1);
    const [response, body] = [await puppet.number('fastly_http_resp.new'), await puppet.body()];
    expect(await puppet.call('fastly_http_resp.send_downstream', response, body, 0)).toBe(1);
    await puppet.exchange.passed;
  });

  test('needs a back-end, and a request that is there', async () => {
    const puppet = await bench.puppet();
    expect(await puppet.call(v1, 'vault')).toBe(2);
    expect(await puppet.call(v2, 99, 'origin')).toBe(3);
    expect(puppet.exchange.replyState).toBe('none');
  });

  test('that fails is told by the daemon', async () => {
    bench.answer = (request) => request.socket.destroy();
    const puppet = await bench.puppet();
    expect(await puppet.call(v1, 'origin')).toBe(0);
    await expect(puppet.exchange.passed).rejects.toThrow('Cannot fetch');
  });
});

test('without a GRIP proxy a reply that wants the connection held is refused', async () => {
  bench.answer = (_request, response) => response.setHeader('grip-hold', 'stream').end();
  const puppet = await bench.puppet();
  expect(await puppet.call(`${REQ}.redirect_to_grip_proxy`, 'origin')).toBe(0);
  await expect(puppet.exchange.passed).rejects.toThrow('there is no GRIP proxy');
});

test('the body goes along as far as the guest has left it', async () => {
  bench.answer = echo;
  const puppet = await bench.puppet({ body: 'goods', request: { method: 'POST' } });
  const { body } = await puppet.downstream();
  const args = [await makeRequest(puppet), body, 'origin', RESPONSE, BODY];
  await ok(puppet.call(`${REQ}.send`, ...args));
  expect(await puppet.call(`${REQ}.redirect_to_websocket_proxy`, 'origin')).toBe(0);
  await puppet.exchange.passed;
  expect(puppet.exchange.text).toBe('');
});

describe('a visitor who wants a WebSocket', () => {
  test('is known by the fields that kits look for', async () => {
    const puppet = await bench.puppet();
    Object.assign(puppet.exchange, { upgradeWanted: 'websocket' });
    const { request } = await puppet.downstream();
    const field = (name: string) => puppet.value(`${REQ}.header_value_get`, request, name);
    expect(await field('upgrade')).toMatchObject({ status: 0, text: 'websocket' });
    expect(await field('connection')).toMatchObject({ status: 0, text: 'Upgrade' });
  });

  test('is handed over with the handshake that was received, whatever the guest says', async () => {
    const headers = [
      ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['sec-websocket-version', '13'],
      ['sec-websocket-protocol', 'chat'],
    ] as const;
    const seen = Promise.withResolvers<IncomingMessage>();
    bench.server.on('upgrade', (incoming, socket) => {
      seen.resolve(incoming);
      socket.end('HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno');
    });
    const puppet = await bench.puppet({ request: { headers } });
    Object.assign(puppet.exchange, { upgradeWanted: 'websocket' });
    const { request } = await puppet.downstream();
    const set = (name: string, value: string) =>
      ok(puppet.call(`${REQ}.header_insert`, request, name, value));
    await set('sec-websocket-key', 'of the guest');
    await set('x-mine', '1');
    expect(await puppet.call(`${REQ}.redirect_to_websocket_proxy_v2`, request, 'origin')).toBe(0);
    expect((await seen.promise).headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'chat',
      'x-mine': '1',
    });
    await puppet.exchange.passed;
    expect(puppet.exchange.head?.status).toBe(403);
    expect(puppet.exchange.text).toBe('no');
  });
});

test('upgrade_websocket is not supported', async () => {
  const puppet = await bench.puppet();
  expect(await puppet.call(`${REQ}.upgrade_websocket`, 'origin')).toBe(5);
});
