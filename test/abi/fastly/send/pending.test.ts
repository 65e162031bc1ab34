import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';
import {
  BODY,
  DETAIL,
  DONE,
  echo,
  handleList,
  LIST,
  makeRequest,
  ok,
  REQ,
  RESPONSE,
  replyOf,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();
const NONE = 0xffff_fffe;

async function sendAsync(puppet: FastlyPuppet, path = '/', body?: number): Promise<number> {
  const request = await makeRequest(puppet, `http://x.example${path}`);
  return puppet.number(`${REQ}.send_async`, request, body ?? (await puppet.body()), 'origin');
}

/** Answers that the test gives when it likes. */
function held(): { readonly give: (path: string) => Promise<void> } {
  const waiting = new Map<string, PromiseWithResolvers<ServerResponse>>();
  const of = (path: string) => {
    const known = waiting.get(path) ?? Promise.withResolvers<ServerResponse>();
    waiting.set(path, known);
    return known;
  };
  bench.answer = (request, response) => of(request.url ?? '').resolve(response);
  return {
    give: async (path) => {
      (await of(path).promise).end(path);
    },
  };
}

describe('pending_req_wait', () => {
  test('waits, and consumes it', async () => {
    const { give } = held();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet, '/a');
    const waiting = puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY);
    await give('/a');
    expect(await waiting).toBe(0);
    expect(await replyOf(puppet)).toEqual({ status: 200, text: '/a' });
    expect(await puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY)).toBe(3);
  });

  test('tells why there is no reply', async () => {
    bench.answer = (request) => request.socket.destroy();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    puppet.bytes.fill(0, DETAIL, DETAIL + 20);
    const call = puppet.call(`${REQ}.pending_req_wait_v2`, pending, DETAIL, RESPONSE, BODY);
    expect(await call).toBe(9);
    expect(puppet.u32(DETAIL)).toBe(8);
    expect(puppet.world.logLines.join()).toMatch(/Cannot fetch: /);
  });

  test('is for requests alone', async () => {
    const puppet = await bench.puppet();
    const body = await puppet.body();
    expect(await puppet.call(`${REQ}.pending_req_wait`, body, RESPONSE, BODY)).toBe(3);
  });
});

describe('pending_req_poll', () => {
  test('lets the network in, so that who polls in a loop sees the end', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    let polls = 0;
    do {
      await ok(puppet.call(`${REQ}.pending_req_poll`, pending, DONE, RESPONSE, BODY));
      polls += 1;
      if (puppet.u32(DONE) === 0) expect(puppet.u32(RESPONSE)).toBe(NONE);
      if (puppet.u32(DONE) === 0) expect(puppet.u32(BODY)).toBe(NONE);
    } while (puppet.u32(DONE) === 0);
    expect(polls).toBeGreaterThan(1);
    expect(await replyOf(puppet)).toMatchObject({ status: 200 });
    expect(await puppet.call(`${REQ}.pending_req_poll`, pending, DONE, RESPONSE, BODY)).toBe(3);
  });

  test('tells why there is no reply', async () => {
    bench.answer = (request) => request.socket.destroy();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    const poll = () =>
      puppet.call(`${REQ}.pending_req_poll_v2`, pending, DETAIL, DONE, RESPONSE, BODY);
    puppet.bytes.fill(0, DETAIL, DETAIL + 20);
    await expect.poll(poll).toBe(9);
    expect(puppet.u32(DETAIL)).toBe(8);
  });

  test('changes nothing where there is no room for what it says', async () => {
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    const poll = (...at: [number, number, number]) =>
      puppet.call(`${REQ}.pending_req_poll`, pending, ...at);
    expect(await poll(END - 3, RESPONSE, BODY)).toBe(2);
    expect(await poll(DONE, END - 3, BODY)).toBe(2);
    expect(await poll(DONE, RESPONSE, END - 3)).toBe(2);
    expect(await puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY)).toBe(0);
  });
});

describe('pending_req_select', () => {
  const select = (puppet: FastlyPuppet, handles: readonly number[]) =>
    puppet.call(`${REQ}.pending_req_select`, ...handleList(puppet, handles), DONE, RESPONSE, BODY);

  test('waits for the first, and consumes that one alone', async () => {
    const { give } = held();
    const puppet = await bench.puppet();
    const [a, b] = [await sendAsync(puppet, '/a'), await sendAsync(puppet, '/b')];
    const first = select(puppet, [a, b]);
    await give('/b');
    expect(await first).toBe(0);
    expect(puppet.u32(DONE)).toBe(1);
    expect(await replyOf(puppet)).toMatchObject({ text: '/b' });
    expect(await select(puppet, [a, b])).toBe(3);
    const second = select(puppet, [a]);
    await give('/a');
    expect(await second).toBe(0);
    expect(puppet.u32(DONE)).toBe(0);
  });

  test('of eight that are under way at once gives each', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet();
    const handles: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      handles.push(await sendAsync(puppet, '/', await puppet.body(`${n}`)));
    }
    const texts: string[] = [];
    while (handles.length > 0) {
      expect(await select(puppet, handles)).toBe(0);
      handles.splice(puppet.u32(DONE), 1);
      texts.push((await replyOf(puppet)).text);
    }
    expect(texts.sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  test('says which one has failed', async () => {
    bench.answer = (request) => request.socket.destroy();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    puppet.bytes.fill(0, DETAIL, DETAIL + 20);
    const args = [...handleList(puppet, [pending]), DETAIL, DONE, RESPONSE, BODY];
    expect(await puppet.call(`${REQ}.pending_req_select_v2`, ...args)).toBe(0);
    expect([puppet.u32(DONE), puppet.u32(RESPONSE), puppet.u32(BODY)]).toEqual([0, NONE, NONE]);
    expect(puppet.u32(DETAIL)).toBe(8);
  });

  test('has something to choose from', async () => {
    const puppet = await bench.puppet();
    expect(await select(puppet, [])).toBe(2);
    expect(await select(puppet, [99])).toBe(3);
    const outside = [END - 3, 1, DONE, RESPONSE, BODY];
    expect(await puppet.call(`${REQ}.pending_req_select`, ...outside)).toBe(2);
    const countless = [LIST, 0xffff_ffff, DONE, RESPONSE, BODY];
    expect(await puppet.call(`${REQ}.pending_req_select`, ...countless)).toBe(2);
  });
});

describe('a body that is still written', () => {
  test('keeps its handle, and goes out as it is written', async () => {
    bench.answer = (request, response) => {
      request.once('data', (piece: Buffer) => response.write(`got ${piece.toString()}, `));
      request.on('end', () => response.end('and the end'));
    };
    const puppet = await bench.puppet();
    const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST' });
    const body = await puppet.body('one');
    const send = `${REQ}.send_async_streaming`;
    const pending = await puppet.number(send, request, body, 'origin');
    expect(await puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY)).toBe(0);
    expect(await puppet.read(puppet.u32(BODY))).toBe('got one, ');
    await puppet.number('fastly_http_body.write', body, 'two', 0);
    expect(await puppet.call('fastly_http_body.close', body)).toBe(0);
    expect(await puppet.read(puppet.u32(BODY))).toBe('and the end');
  });

  test('that was closed before anything left is sent with its length', async () => {
    const puppet = await bench.puppet();
    for (const text of ['meow', '']) {
      const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST' });
      const body = await puppet.body(text);
      const send = `${REQ}.send_async_streaming`;
      const pending = await puppet.number(send, request, body, 'origin');
      expect(await puppet.call('fastly_http_body.close', body)).toBe(0);
      await ok(puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY));
    }
    const lengths = bench.seen.map(({ headers }) => headers['content-length']);
    expect(lengths).toEqual(['4', '0']);
  });

  test('that is abandoned breaks the request off', async () => {
    const broken = Promise.withResolvers<void>();
    bench.answer = (request) => request.once('error', () => broken.resolve());
    const puppet = await bench.puppet();
    const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST' });
    const body = await puppet.body('one');
    const args = [request, body, 'origin', 1];
    const pending = await puppet.number(`${REQ}.send_async_v2`, ...args);
    await expect.poll(() => bench.seen.length).toBe(1);
    expect(await puppet.call('fastly_http_body.abandon', body)).toBe(0);
    expect(await puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY)).not.toBe(0);
    await broken.promise;
  });

  test('cannot be sent again', async () => {
    const puppet = await bench.puppet();
    const body = await puppet.body('one');
    const request = await makeRequest(puppet, 'http://x.example/', { method: 'POST' });
    await puppet.number(`${REQ}.send_async_streaming`, request, body, 'origin');
    const other = await makeRequest(puppet);
    const again = puppet.call(`${REQ}.send_async`, other, body, 'origin', DONE);
    expect(await again).toBe(3);
  });
});

describe('the end of a run', () => {
  test('gives up what is under way', async () => {
    const closed = Promise.withResolvers<void>();
    bench.answer = (request) => request.socket.once('close', () => closed.resolve());
    const puppet = await bench.puppet();
    await sendAsync(puppet);
    await expect.poll(() => bench.seen.length).toBe(1);
    puppet.end();
    await closed.promise;
  });

  test('gives up a reply that nobody has asked for', async () => {
    const closed = Promise.withResolvers<void>();
    bench.answer = (request, response) => {
      request.socket.once('close', () => closed.resolve());
      response.write('begun');
    };
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    const ready = async () => {
      await ok(puppet.call('fastly_async_io.is_ready', pending, DONE));
      return puppet.u32(DONE);
    };
    await expect.poll(ready).toBe(1);
    puppet.end();
    await closed.promise;
  });

  test('leaves the next run without its handles', async () => {
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    puppet.end();
    puppet.begin();
    expect(await puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY)).toBe(3);
  });
});

describe('send_downstream_pending', () => {
  const answer = (puppet: FastlyPuppet, pending: number) =>
    puppet.call('fastly_http_resp.send_downstream_pending', pending);

  test('answers with the reply, though the run has ended', async () => {
    const { give } = held();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet, '/a');
    expect(await answer(puppet, pending)).toBe(0);
    expect(await answer(puppet, pending)).toBe(3);
    puppet.end();
    await give('/a');
    await puppet.exchange.passed;
    expect(puppet.exchange.head?.status).toBe(200);
    expect(puppet.exchange.text).toBe('/a');
  });

  test('comes once, and after no other answer', async () => {
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    const response = await puppet.number('fastly_http_resp.new');
    const body = await puppet.body();
    expect(await puppet.call('fastly_http_resp.send_downstream', response, body, 0)).toBe(0);
    expect(await answer(puppet, pending)).toBe(1);
    expect(await puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY)).toBe(0);
  });

  test('has the changes that were asked for', async () => {
    bench.answer = (_request, response) =>
      response.setHeader('a', 'original').setHeader('b', 'keep').setHeader('c', 'hidden').end();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    await ok(puppet.call(`${REQ}.pending_req_header_insert`, pending, 'a', 'new', 0));
    await ok(puppet.call(`${REQ}.pending_req_header_append`, pending, 'b', 'more', 1));
    await ok(puppet.call(`${REQ}.pending_req_header_append`, pending, 'b', 'of a failure', 2));
    await ok(puppet.call(`${REQ}.pending_req_header_remove`, pending, 'c', 1));
    await ok(puppet.call(`${REQ}.pending_req_header_remove`, pending, 'd', 1));
    expect(await answer(puppet, pending)).toBe(0);
    await puppet.exchange.passed;
    const lines = puppet.exchange.headers.filter((line) => /^[abc]: /.test(line));
    expect(lines).toEqual(['a: new', 'b: keep', 'b: more']);
  });

  test('says in its own words that there is no reply', async () => {
    bench.answer = (request) => request.socket.destroy();
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    await ok(puppet.call(`${REQ}.pending_req_header_insert`, pending, 'x-why', 'away', 2));
    expect(await answer(puppet, pending)).toBe(0);
    await puppet.exchange.passed;
    expect(puppet.exchange.head?.status).toBe(503);
    expect(puppet.exchange.headers).toContain('x-why: away');
    expect(puppet.exchange.text).toContain('connection_terminated');
  });

  test('takes changes that are none back with a status', async () => {
    const puppet = await bench.puppet();
    const pending = await sendAsync(puppet);
    const insert = (...args: readonly (string | number)[]) =>
      puppet.call(`${REQ}.pending_req_header_insert`, ...args);
    expect(await insert(pending, 'a b', 'x', 0)).toBe(1);
    expect(await insert(pending, 'a', 'x\n', 0)).toBe(1);
    expect(await insert(pending, 'a', 'x', 3)).toBe(2);
    expect(await insert(99, 'a', 'x', 0)).toBe(3);
    for (let n = 0; n < 256; n += 1) expect(await insert(pending, 'a', 'x', 0)).toBe(0);
    expect(await insert(pending, 'a', 'x', 0)).toBe(13);
  });
});

test('a reply’s body goes to the visitor without having been read by the guest', async () => {
  bench.answer = (_request, response) => response.end('straight');
  const puppet = await bench.puppet();
  const pending = await sendAsync(puppet);
  await ok(puppet.call(`${REQ}.pending_req_wait`, pending, RESPONSE, BODY));
  const before = puppet.host.writes.length;
  const handles = [puppet.u32(RESPONSE), puppet.u32(BODY)];
  await ok(puppet.call('fastly_http_resp.send_downstream', ...handles, 0));
  puppet.end();
  await puppet.exchange.passed;
  expect(puppet.exchange.text).toBe('straight');
  expect(puppet.host.writes.length).toBe(before);
});
