/** The caches of Fastly's programs behind the daemon, with two threads and a real back-end. */
import {
  createServer,
  get,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { fastlyProgram } from '../support/fastly-guests.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, type TestReply } from '../support/http.ts';

/** Sends the visitor's request to the back-end, and the reply back. */
const PROXY = `(call $ask)
  (if (call $fastly_http_req.send (i32.load (i32.const 0)) (i32.load (i32.const 4)) "origin"
      (i32.const 8) (i32.const 12))
    (then (call $answer (i32.const 502))))
  (call $send (i32.const 0))`;
/** The same past the cache, and for a minute whatever the reply says. */
const override = (tag: number, ttl: number): string => `(call $ask)
  (drop (call $fastly_http_req.cache_override_v2_set (i32.load (i32.const 0))
    (i32.const ${tag}) (i32.const ${ttl}) (i32.const 0) "by-force"))`;
const PURGE = `(call $answer (i32.const 200))
  (drop (call $fastly_purge.purge_surrogate_key "shelf" (i32.const 0) (i32.const 0)))
  (call $send (i32.const 0))`;
const LOOK_UP = `(drop (call $fastly_cache.transaction_lookup "key"
    (i32.const 0) (i32.const 0) (i32.const 20)))
  (drop (call $fastly_cache.get_state (i32.load (i32.const 20)) (i32.const 24)))`;
/** Begins an object, of which the options stand at 40. */
const INSERT = `(i64.store (i32.const 40) (i64.const 60000000000))
  (drop (call $fastly_cache.transaction_insert (i32.load (i32.const 20))
    (i32.const 0) (i32.const 40) (i32.const 28)))
  (drop (call $fastly_http_body.write (i32.load (i32.const 28)) "half"
    (i32.const 0) (i32.const 16)))`;
const WAIT = `(drop (call $fastly_async_io.select
  (i32.const 0) (i32.const 0) (i32.const 60000) (i32.const 32)))`;

const guests: Readonly<Record<string, string>> = {
  proxy: PROXY,
  past: `${override(1, 0)} ${PROXY}`,
  forced: `${override(2, 60)} ${PROXY}`,
  purge: PURGE,
  /** Answers, and never brings what it is obliged to. */
  owes: `${LOOK_UP} (call $answer (i32.const 200)) (call $send (i32.const 0)) ${WAIT}`,
  /** Answers when it is obliged, or has found something: 200 and the state. */
  state: `${LOOK_UP} (call $answer (i32.add (i32.const 200) (i32.load (i32.const 24))))
    (call $send (i32.const 0))`,
  'owes-and-traps': `${LOOK_UP} (call $answer (i32.const 200)) (call $send (i32.const 0))
    unreachable`,
  /** Writes half an object, answers, and stalls. */
  stalls: `${LOOK_UP} ${INSERT} (call $answer (i32.const 200)) (call $send (i32.const 0)) ${WAIT}`,
  /** Answers with what is there. */
  reads: `(drop (call $fastly_cache.lookup "key" (i32.const 0) (i32.const 0) (i32.const 20)))
    (call $answer (i32.const 200))
    (drop (call $fastly_cache.get_body (i32.load (i32.const 20))
      (i32.const 0) (i32.const 0) (i32.const 12)))
    (call $send (i32.const 0))`,
};

/** Of those that never end; others wait for them. */
const STALLING_MS = 1_000;
const ENTRY_BYTES_MAX = 200_000;
const folder = new TestFolder();
const seen: IncomingMessage[] = [];
let server: Server;
let daemon: TestDaemon;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let lastPath = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const [name, steps] of Object.entries(guests)) {
    folder.write(`${name}.wasm`, await fastlyProgram(steps));
  }
  folder.write(
    'terrafirma.toml',
    `[backends.origin]
    url = "http://127.0.0.1:${port}"
    ["owes.wasm".limits]
    wall_ms = ${STALLING_MS}
    ["stalls.wasm".limits]
    wall_ms = ${3 * STALLING_MS}
    `,
  );
  answer = (_request, response) => response.end();
  daemon = await TestDaemon.start({
    args: [folder.directory, '--metrics-listen', '127.0.0.1:0'],
    env: {
      TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8',
      TERRAFIRMA_LIMITS_CACHE_ENTRY_BYTES_MAX: String(ENTRY_BYTES_MAX),
    },
  });
  for (const name of Object.keys(guests)) {
    await waitFor(async () => {
      const { status } = await ask(daemon.port, `/${name}.wasm/ready`).catch(() => ({
        status: 500,
      }));
      return status < 500 ? true : undefined;
    }, 50_000);
  }
}, 100_000);

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  folder[Symbol.dispose]();
});

beforeEach(() => {
  seen.length = 0;
  lastPath += 1;
});

/** A place that no test has asked for yet. */
const here = (): string => `/${lastPath}`;
const visit = (
  name = 'proxy',
  headers: Readonly<Record<string, string>> = {},
): Promise<TestReply> => ask(daemon.port, `/${name}.wasm${here()}`, { headers, host: 'site.test' });

/** Answers with these fields, and a number that grows. */
function answerWith(headers: Readonly<Record<string, string>>): void {
  answer = (_request, response) => response.writeHead(200, headers).end(`answer ${seen.length}`);
}

describe('requests that are read through the cache', () => {
  test('of twenty visitors at once are one for the back-end', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    answer = (_request, response) => held.resolve(response);
    const visits = Array.from({ length: 20 }, () => visit());
    const response = await held.promise;
    response.writeHead(200, { 'x-from': 'there' }).end('one for all');
    for (const reply of await Promise.all(visits)) {
      expect(reply).toMatchObject({ status: 200, text: 'one for all' });
      expect(reply.headers['x-from']).toBe('there');
    }
    expect(seen).toHaveLength(1);
    const later = await visit();
    expect(later.text).toBe('one for all');
    expect(later.headers).toMatchObject({ 'x-cache': 'HIT', 'x-from': 'there' });
    expect(seen).toHaveLength(1);
  });

  test('give what is there while it is still written', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    answer = (_request, response) => held.resolve(response);
    const first = beginVisit();
    const second = beginVisit();
    const response = await held.promise;
    response.writeHead(200).write('begin ');
    expect(await Promise.all([first, second].map(({ piece }) => piece()))).toEqual([
      ...['begin ', 'begin '],
    ]);
    response.end('end');
    expect(await Promise.all([first, second].map(({ rest }) => rest()))).toEqual(['end', 'end']);
    expect(seen).toHaveLength(1);
  });

  test('are kept apart by what their responses vary by', async () => {
    answer = (request, response) =>
      response.writeHead(200, { vary: 'x-kind' }).end(String(request.headers['x-kind']));
    for (const kind of ['a', 'b', 'a', 'b']) {
      expect((await visit('proxy', { 'x-kind': kind })).text).toBe(kind);
    }
    expect(seen).toHaveLength(2);
  });

  test('are answered with what is stale while the new one comes', async () => {
    answerWith({ 'cache-control': 'max-age=1, stale-while-revalidate=60', age: '5' });
    expect((await visit()).text).toBe('answer 1');
    answerWith({ 'cache-control': 'max-age=60' });
    expect((await visit()).text).toBe('answer 1');
    await waitFor(async () => ((await visit()).text === 'answer 2' ? true : undefined));
    expect(seen).toHaveLength(2);
  });

  test('are answered with what is stale where the back-end fails', async () => {
    const headers = { 'cache-control': 'max-age=1, stale-if-error=60', age: '5' };
    answerWith(headers);
    expect((await visit()).text).toBe('answer 1');
    answer = (_request, response) => response.writeHead(500).end('broken');
    expect(await visit()).toMatchObject({ status: 200, text: 'answer 1' });
    answer = (request) => request.socket.destroy();
    expect(await visit()).toMatchObject({ status: 200, text: 'answer 1' });
    answerWith(headers);
    expect((await visit()).text).toBe(`answer ${seen.length}`);
  });

  test('ask whether what is stale still holds', async () => {
    answerWith({ 'cache-control': 'max-age=1', age: '5', etag: '"1"' });
    await visit();
    answer = (request, response) => {
      const same = request.headers['if-none-match'] === '"1"';
      response.writeHead(same ? 304 : 500, { 'cache-control': 'max-age=60' }).end();
    };
    expect(await visit()).toMatchObject({ status: 200, text: 'answer 1' });
    expect(await visit()).toMatchObject({ status: 200, text: 'answer 1' });
    expect(seen).toHaveLength(2);
    const same = await visit('proxy', { 'if-none-match': '"1"' });
    expect(same).toMatchObject({ status: 304, text: '' });
  });

  test('do not keep what still holds, but for one visitor alone', async () => {
    answerWith({ 'cache-control': 'max-age=1', age: '5', etag: '"1"' });
    await visit();
    answer = (_request, response) =>
      response.writeHead(304, { 'cache-control': 'private, max-age=60' }).end();
    expect(await visit()).toMatchObject({ status: 200, text: 'answer 1' });
    answerWith({});
    expect((await visit()).text).toBe('answer 3');
  });

  test('for a part get it of what is kept', async () => {
    answer = (_request, response) => response.end('0123456789');
    await visit();
    const part = await visit('proxy', { range: 'bytes=2-4' });
    expect(part).toMatchObject({ status: 206, text: '234' });
    expect(part.headers['content-range']).toBe('bytes 2-4/10');
    expect(seen).toHaveLength(1);
  });

  test.each([
    ['private responses', 'proxy', { 'cache-control': 'private' }, {}],
    ['responses with a cookie', 'proxy', { 'set-cookie': 'a=b' }, {}],
    ['answers to one who has named herself', 'proxy', {}, { authorization: 'Basic eDp5' }],
    ['what the program wants to pass', 'past', {}, {}],
  ])('do not keep %s', async (_what, guest, reply, headers) => {
    answerWith(reply);
    expect((await visit(guest, headers)).text).toBe('answer 1');
    expect((await visit(guest, headers)).text).toBe('answer 2');
  });

  test('are kept by force where the program says for how long', async () => {
    answerWith({ 'cache-control': 'private' });
    expect((await visit('forced')).text).toBe('answer 1');
    expect((await visit('forced')).text).toBe('answer 1');
  });

  test('are purged by what they are about', async () => {
    answerWith({ 'surrogate-key': 'other shelf' });
    expect((await visit()).text).toBe('answer 1');
    expect((await visit()).text).toBe('answer 1');
    expect((await ask(daemon.port, '/purge.wasm')).status).toBe(200);
    expect((await visit()).text).toBe('answer 2');
  });

  test.each(['with its length', 'without'])('pass on what is too large, %s', async (how) => {
    const text = 'x'.repeat(ENTRY_BYTES_MAX * 3);
    answer = (_request, response) => {
      if (how === 'with its length') response.setHeader('content-length', text.length);
      response.flushHeaders();
      response.end(text);
    };
    for (const round of [1, 2]) {
      const reply = await visit();
      expect(reply.text.length).toBe(text.length);
      expect(seen).toHaveLength(round);
    }
  });

  function beginVisit() {
    const opened = Promise.withResolvers<IncomingMessage>();
    const path = `/proxy.wasm${here()}`;
    get({ host: '127.0.0.1', port: daemon.port, path, agent: false }, opened.resolve).on(
      'error',
      opened.reject,
    );
    const piece = async (): Promise<string> => {
      const incoming = await opened.promise;
      for (;;) {
        const chunk: Buffer | null = incoming.read();
        if (chunk !== null) return chunk.toString();
        await new Promise((resolve) => incoming.once('readable', resolve));
      }
    };
    const rest = async (): Promise<string> => {
      const chunks: Buffer[] = [];
      for await (const chunk of await opened.promise) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    return { piece, rest };
  }
});

describe('a run that is obliged to bring an object', () => {
  test.each(['owes-and-traps', 'owes'])('and %s leaves it to the next', async (name) => {
    expect((await ask(daemon.port, `/${name}.wasm`)).status).toBe(200);
    // It waits until the other has ended, and is obliged then.
    expect((await ask(daemon.port, '/state.wasm')).status).toBe(208);
  });

  test('and stalls in the middle of it breaks it off for who reads it', async () => {
    expect((await ask(daemon.port, '/stalls.wasm')).status).toBe(200);
    await expect(ask(daemon.port, '/reads.wasm')).rejects.toThrow();
    expect((await ask(daemon.port, '/state.wasm')).status).toBe(208);
  });
});

test('operators see what was found, what was not, and what is held', async () => {
  const line = await daemon.waitForLog(({ event }) => event === 'admin-listening');
  const place = (line.admin as string[]).find((each) => each.startsWith('http://')) ?? '';
  const { text } = await ask(Number(new URL(place).port), '/metrics');
  const numberOf = (name: string): number => {
    const found = text.split('\n').find((each) => each.startsWith(`terrafirma_${name} `));
    return Number(found?.split(' ').at(-1));
  };
  expect(numberOf('cache_lookups_total{result="hit"}')).toBeGreaterThan(0);
  expect(numberOf('cache_lookups_total{result="miss"}')).toBeGreaterThan(0);
  expect(numberOf('cache_waits_total')).toBeGreaterThan(0);
  expect(numberOf('cache_changes_total{change="purged"}')).toBe(1);
  expect(numberOf('cache_bytes')).toBeGreaterThan(0);
  expect(numberOf('cache_objects')).toBeGreaterThan(0);
});
