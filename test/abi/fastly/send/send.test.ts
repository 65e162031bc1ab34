import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../../../src/errors.ts';
import { END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';
import {
  BODY,
  DETAIL,
  echo,
  makeRequest,
  ok,
  REQ,
  RESPONSE,
  replyOf,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();

function send(puppet: FastlyPuppet, request: number, body: number, name = 'origin') {
  return puppet.call(`${REQ}.send`, request, body, name, RESPONSE, BODY);
}

/** Tag, mask, alert, frame and code of what stands at DETAIL. */
function detail(puppet: FastlyPuppet) {
  const { bytes } = puppet;
  return { tag: puppet.u32(DETAIL), mask: puppet.u32(DETAIL + 4), alert: bytes[DETAIL + 12] };
}

describe('a request', () => {
  test('is sent with its body to the back-end, whatever host its URI names', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet();
    const request = await makeRequest(puppet, 'https://shop.example/cart?id=1', { method: 'PUT' });
    const body = await puppet.body('goods');
    expect(await send(puppet, request, body)).toBe(0);
    const seen = await puppet.list('fastly_http_resp.header_values_get', [
      puppet.u32(RESPONSE),
      'x-seen',
    ]);
    expect(seen.text).toBe('PUT /cart?id=1 shop.example\0');
    expect(await replyOf(puppet)).toEqual({ status: 200, text: 'goods' });
  });

  test('tells who has answered it, and nobody where it was kept', async () => {
    bench.answer = (_request, response) => response.setHeader('cache-control', 'max-age=60').end();
    const puppet = await bench.puppet();
    const [ip, port] = ['get_addr_dest_ip', 'get_addr_dest_port'];
    expect(await send(puppet, await makeRequest(puppet), await puppet.body())).toBe(0);
    const response = puppet.u32(RESPONSE);
    expect(await puppet.number(`fastly_http_resp.${ip}`, response, 40_000)).toBe(4);
    expect([...puppet.bytes.subarray(40_000, 40_004)]).toEqual([127, 0, 0, 1]);
    expect(await puppet.call(`fastly_http_resp.${port}`, response, 40_000)).toBe(0);
    expect(puppet.bytes.readUInt16LE(40_000)).toBe(bench.port);
    expect(await puppet.call(`fastly_http_resp.${ip}`, response, END - 15, 40_000)).toBe(2);
    expect(await puppet.call(`fastly_http_resp.${port}`, 99, 40_000)).toBe(3);
    await replyOf(puppet);
    expect(await send(puppet, await makeRequest(puppet), await puppet.body())).toBe(0);
    expect(bench.seen.length).toBe(1);
    const kept = puppet.u32(RESPONSE);
    expect(await puppet.call(`fastly_http_resp.${ip}`, kept, 40_000, 40_016)).toBe(10);
    expect(await puppet.call(`fastly_http_resp.${port}`, kept, 40_000)).toBe(10);
    puppet.end();
  });

  test('without a host in its URI goes to that of the back-end', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet();
    const request = await puppet.number(`${REQ}.new`);
    expect(await send(puppet, request, await puppet.body())).toBe(0);
    expect(bench.seen[0]?.url).toBe('/');
    expect(bench.seen[0]?.headers.host).toBe(`127.0.0.1:${bench.port}`);
  });

  test('is gone once it was sent, and so is its body', async () => {
    const puppet = await bench.puppet();
    const [request, body] = [await makeRequest(puppet), await puppet.body()];
    expect(await send(puppet, request, body)).toBe(0);
    expect(await send(puppet, request, await puppet.body())).toBe(3);
    expect(await send(puppet, await makeRequest(puppet), body)).toBe(3);
  });

  test('stays where there is no such back-end', async () => {
    const puppet = await bench.puppet();
    const [request, body] = [await makeRequest(puppet), await puppet.body()];
    expect(await send(puppet, request, body, 'vault')).toBe(2);
    expect(await send(puppet, request, body, 'other')).toBe(2);
    expect(await send(puppet, request, body)).toBe(0);
    expect(puppet.world.logLines).toEqual(['warn there is no back-end "vault"; known: "origin"']);
  });

  test('names ten of the back-ends that there are where it wants another', async () => {
    const others = Array.from({ length: 11 }, (_, n) => [`b${n}`, bench.backend()] as const);
    const puppet = await bench.puppet({ backends: Object.fromEntries(others) });
    const [request, body] = [await makeRequest(puppet), await puppet.body()];
    expect(await send(puppet, request, body, 'vault')).toBe(2);
    expect(puppet.world.logLines).toEqual([expect.stringMatching(/"b8", and 2 more$/)]);
  });

  test('is not consumed where its reply has no place', async () => {
    const puppet = await bench.puppet();
    const [request, body] = [await makeRequest(puppet), await puppet.body()];
    const into = (response: number, toBody: number, at = 0) =>
      puppet.call(`${REQ}.send_v2`, request, body, 'origin', at, response, toBody);
    expect(await into(END - 3, BODY)).toBe(2);
    expect(await into(RESPONSE, END - 3)).toBe(2);
    expect(await into(RESPONSE, BODY, END - 19)).toBe(2);
    expect(await into(RESPONSE, BODY, END - 20)).toBe(0);
  });

  test('has no fields that are about the connection, nor a length of its own', async () => {
    const puppet = await bench.puppet();
    const headers = { connection: 'x-mine', 'x-mine': '1', 'content-length': '99', te: 'trailers' };
    const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST', headers });
    expect(await send(puppet, request, await puppet.body('abc'))).toBe(0);
    expect(bench.seen[0]?.headers).toMatchObject({ 'content-length': '3' });
    expect(bench.seen[0]?.headers).not.toHaveProperty('x-mine');
    expect(bench.seen[0]?.headers).not.toHaveProperty('te');
  });

  test.each([
    ['content-length', '3', { 'content-length': '3' }],
    ['transfer-encoding', 'chunked', { 'transfer-encoding': 'chunked' }],
    ['content-length', 'three', { 'content-length': '3' }],
    ['transfer-encoding', 'gzip', { 'content-length': '3' }],
  ])(
    'with framing mode 1 and %s: %s is framed by that, if it can be',
    async (name, value, told) => {
      const puppet = await bench.puppet();
      const request = await makeRequest(puppet, 'http://x.example/', {
        method: 'POST',
        headers: { [name]: value },
      });
      await ok(puppet.call(`${REQ}.framing_headers_mode_set`, request, 1));
      expect(await send(puppet, request, await puppet.body('abc'))).toBe(0);
      expect(bench.seen[0]?.headers).toMatchObject(told);
    },
  );

  test('with a length that its body has not fails', async () => {
    const puppet = await bench.puppet();
    const headers = { 'content-length': '4' };
    const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST', headers });
    await ok(puppet.call(`${REQ}.framing_headers_mode_set`, request, 1));
    expect(await send(puppet, request, await puppet.body('abc'))).toBe(8);
  });
});

describe('auto_decompress_response_set', () => {
  test('gives a body as it was before', async () => {
    bench.answer = (_request, response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync('hello'));
    const puppet = await bench.puppet();
    const request = await makeRequest(puppet);
    expect(await puppet.call(`${REQ}.auto_decompress_response_set`, request, 2)).toBe(2);
    expect(await puppet.call(`${REQ}.auto_decompress_response_set`, 99, 1)).toBe(3);
    expect(await puppet.call(`${REQ}.auto_decompress_response_set`, request, 1)).toBe(0);
    expect(await send(puppet, request, await puppet.body())).toBe(0);
    expect((await replyOf(puppet)).text).toBe('hello');
  });
});

describe('the word of what failed', () => {
  async function failing(name: string, maskWanted = 0xffff_fffe) {
    const closed = { isTls: false, host: '127.0.0.1', port: 1 };
    const puppet = await bench.puppet({
      backends: {
        closed: { address: closed },
        slow: bench.backend({ firstByteTimeoutMs: 50 }),
        tls: bench.backend({ address: { isTls: true, host: '127.0.0.1', port: bench.port } }),
      },
    });
    puppet.bytes.writeUInt32LE(maskWanted, DETAIL + 4);
    const [request, body] = [await makeRequest(puppet), await puppet.body()];
    const args = [request, body, name, DETAIL, RESPONSE, BODY];
    const status = await puppet.call(`${REQ}.send_v2`, ...args);
    return { status, ...detail(puppet) };
  }

  test.each([
    ['closed', 1, 7],
    ['slow', 1, 16],
    ['tls', 1, 24],
  ])('of %s is status %i and tag %i', async (name, status, tag) => {
    bench.answer = () => undefined;
    expect(await failing(name)).toMatchObject({ status, tag, mask: 0 });
  });

  test('of one that hangs up is that the message was cut', async () => {
    bench.answer = (request) => request.socket.destroy();
    expect(await failing('origin')).toMatchObject({ status: 9, tag: 8 });
  });

  test('of one that does not speak HTTP is that it was no message', async () => {
    bench.answer = (request) => request.socket.end('SMTP ready\r\n\r\n');
    expect(await failing('origin')).toMatchObject({ status: 7, tag: 19 });
  });

  test('is that all is well where it is', async () => {
    expect(await failing('origin')).toMatchObject({ status: 0, tag: 1, mask: 0 });
  });

  test('has what the DNS servers answered where the guest has room for it', async () => {
    const refused = new TerrafirmaError('dns-failed', 'Cannot look up the name', { dnsRcode: 5 });
    const address = { isTls: false, host: 'shop.example', port: 80 };
    const puppet = await bench.puppet({
      backends: { named: { address } },
      lookup: () => Promise.reject(refused),
    });
    for (const [maskWanted, mask, rcode] of [
      [2, 2, 5],
      [4 | 8 | 16, 0, 0],
    ] as const) {
      puppet.bytes.fill(0, DETAIL, DETAIL + 20);
      puppet.bytes.writeUInt32LE(maskWanted, DETAIL + 4);
      const [request, body] = [await makeRequest(puppet), await puppet.body()];
      const args = [request, body, 'named', DETAIL, RESPONSE, BODY];
      expect(await puppet.call(`${REQ}.send_v3`, ...args)).toBe(1);
      expect(detail(puppet)).toMatchObject({ tag: 3, mask });
      expect(puppet.bytes.readUInt16LE(DETAIL + 8)).toBe(rcode);
    }
  });

  test('has the number of an alert where the guest has room for it', async () => {
    const { createServer } = await import('node:net');
    // An alert of TLS 1.2: fatal, 40 (handshake_failure).
    const alert = Buffer.from([21, 3, 3, 0, 2, 2, 40]);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(alert));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as import('node:net').AddressInfo;
    const address = { isTls: true, host: '127.0.0.1', port };
    const puppet = await bench.puppet({ backends: { strict: { address } } });
    const send2 = async (mask: number) => {
      puppet.bytes.fill(0, DETAIL, DETAIL + 20);
      puppet.bytes.writeUInt32LE(mask, DETAIL + 4);
      const [request, body] = [await makeRequest(puppet), await puppet.body()];
      const args = [request, body, 'strict', DETAIL, RESPONSE, BODY];
      expect(await puppet.call(`${REQ}.send_v3`, ...args)).toBe(1);
      return detail(puppet);
    };
    expect(await send2(8)).toEqual({ tag: 23, mask: 8, alert: 40 });
    expect(await send2(2)).toEqual({ tag: 23, mask: 0, alert: 0 });
    server.close();
  });
});

test('a reply without room for its handles is dropped', async () => {
  bench.answer = (_request, response) => response.end('x');
  const puppet = await bench.puppet({ limits: { fastlyHandlesPerRunMax: 2 } });
  const [request, body] = [await makeRequest(puppet), await puppet.body()];
  await puppet.number('fastly_http_resp.new');
  await puppet.number('fastly_http_resp.new');
  expect(await send(puppet, request, body)).toBe(13);
});

test('many requests of a run are bounded', async () => {
  const puppet = await bench.puppet({ limits: { outboundRequestsPerRunMax: 2 } });
  // Not kept, and so each is sent.
  const post = () => makeRequest(puppet, undefined, { method: 'POST' });
  const one = async () => send(puppet, await post(), await puppet.body());
  expect([await one(), await one(), await one()]).toEqual([0, 0, 13]);
});
