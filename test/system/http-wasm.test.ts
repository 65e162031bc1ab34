/** Handlers of http-wasm as middleware, behind the daemon. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { placeGuest } from '../support/cgi-guests.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import {
  answers,
  bufferRequest,
  bufferResponse,
  configHandler,
  guardHandler,
  handler,
  passes,
  peekHandler,
  rescueHandler,
  tagHandler,
  upperHandler,
} from '../support/handler-guests.ts';
import { ask, type TestRequest } from '../support/http.ts';
import { echoGuest } from '../support/websocket-guests.ts';

const before = (path: string, ...links: readonly string[]): string => {
  const use = links.map((link) => `"links/${link}.wasm"`).join();
  return `[[middleware]]\nfor = "${path}"\nuse = [${use}]\n`;
};

const config = '{"rules": ["grüße"]}';

/** Each does one thing that no handler may do, or not then. */
const wrong: Readonly<Record<string, readonly [request: string, response?: string]>> = {
  'late-header': [
    passes,
    `(call $set_header_value (i32.const 1) (i32.const 1024) (i32.const 1)
      (i32.const 1024) (i32.const 1))`,
  ],
  'late-status': [passes, '(call $set_status_code (i32.const 200))'],
  'late-body': [passes, '(call $write_body (i32.const 1) (i32.const 1024) (i32.const 1))'],
  'late-uri': [`${bufferResponse} ${passes}`, '(call $set_uri (i32.const 1024) (i32.const 1))'],
  'read-late': [passes, '(drop (call $read_body (i32.const 1) (i32.const 4096) (i32.const 16)))'],
  'no-room': [`(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 0))) ${answers}`],
  'bad-side': [`(drop (call $read_body (i32.const 2) (i32.const 4096) (i32.const 8))) ${answers}`],
  'bad-kind': [
    `(drop (call $get_header_names (i32.const 4) (i32.const 4096) (i32.const 8))) ${answers}`,
  ],
  'out-of-memory': [`(drop (call $get_uri (i32.const -8) (i32.const 1024))) ${answers}`],
  'read-outside': [
    `(drop (call $read_body (i32.const 0) (i32.const 262140) (i32.const 8))) ${answers}`,
  ],
  'write-outside': [`(call $write_body (i32.const 1) (i32.const 4096) (i32.const -1)) ${answers}`],
  'log-outside': [`(call $log (i32.const 0) (i32.const -4) (i32.const 8)) ${answers}`],
  'no-name': [
    `(drop (call $get_header_values (i32.const 0) (i32.const 1024) (i32.const 0)
      (i32.const 4096) (i32.const 8))) ${answers}`,
  ],
  'header-lines': [
    `(call $set_header_value (i32.const 1) (i32.const 1024) (i32.const 1)
      (i32.const 1024) (i32.const 3)) ${answers}`,
  ],
  'uri-lines': [`(call $set_uri (i32.const 1025) (i32.const 3)) ${answers}`],
  'uri-words': [`(call $set_uri (i32.const 1024) (i32.const 1)) ${answers}`],
  'method-lines': [`(call $set_method (i32.const 1024) (i32.const 3)) ${answers}`],
  'no-status': [`(call $set_status_code (i32.const 99)) ${answers}`],
  trailer: [
    `(call $add_header_value (i32.const 3) (i32.const 1024) (i32.const 1)
      (i32.const 1024) (i32.const 1)) ${answers}`,
  ],
  'endless-body': [
    `(loop $on (call $write_body (i32.const 1) (i32.const 65536) (i32.const 65536)) (br $on))
      ${answers}`,
  ],
  'endless-headers': [
    `(loop $on
      (call $add_header_value (i32.const 1) (i32.const 1027) (i32.const 1)
        (i32.const 1027) (i32.const 1))
      (br $on)) ${answers}`,
  ],
  spins: [`(loop $on (br $on)) ${answers}`],
  exits: [passes, 'unreachable'],
};

const settings = `
${before('/guarded/*', 'guard')}
${before('/echo.wasm/*', 'guard')}
${before('/upper/*', 'upper')}
${before('/rewritten/*', 'upper', 'upper2')}
${before('/peek/*', 'peek')}
${before('/bite/*', 'bite')}
${before('/tagged/*', 'tag')}
${before('/twice/*', 'tag', 'tag2')}
${before('/config/*', 'config')}
${before('/early/*', 'early')}
${before('/moved/*', 'move')}
${before('/added/*', 'add')}
${before('/deep/*', 'tag', 'tag2', 'rescue')}
${before('/too-deep/*', 'tag', 'tag2', 'tag3')}
${Object.keys(wrong)
  .map((name) => before(`/wrong/${name}/*`, `wrong-${name}`))
  .join('')}

["links/config.wasm"]
config_text = '${config}'
["links/early.wasm"]
config_text = '${config}'
`;

describe('handlers of http-wasm behind the daemon', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  const get = async (path: string, options: TestRequest = {}) => {
    const { status, text, headers } = await ask(daemon.port, path, options);
    return { status, text, handled: headers['x-handled'] };
  };

  beforeAll(async () => {
    folder.write('terrafirma.toml', settings);
    const links = {
      guard: await guardHandler(),
      upper: await upperHandler(),
      peek: await peekHandler(bufferRequest),
      bite: await peekHandler(''),
      tag: await tagHandler(),
      config: await configHandler('_start'),
      early: await configHandler('_initialize'),
      rescue: await rescueHandler(),
      move: await handler({
        data: '/open/place.wasm/there?qPUTx-addedone',
        request: `
          (call $set_uri (i32.const 1024) (i32.const 24))
          (call $set_method (i32.const 1048) (i32.const 3))
          (call $set_header_value (i32.const 0) (i32.const 1051) (i32.const 7)
            (i32.const 1058) (i32.const 3))
          (call $add_header_value (i32.const 0) (i32.const 1051) (i32.const 7)
            (i32.const 1024) (i32.const 5))
          ${passes}`,
      }),
      // In front of what comes: a header that is not there, one that is, and some of the body.
      add: await handler({
        data: 'x-handledcontent-typeone',
        request: `
          (call $set_header_value (i32.const 1) (i32.const 1024) (i32.const 9)
            (i32.const 1045) (i32.const 3))
          (call $set_header_value (i32.const 1) (i32.const 1033) (i32.const 12)
            (i32.const 1045) (i32.const 3))
          (call $write_body (i32.const 1) (i32.const 1045) (i32.const 3))
          ${passes}`,
      }),
    };
    for (const [name, bytes] of Object.entries(links)) folder.write(`links/${name}.wasm`, bytes);
    folder.write('links/tag2.wasm', links.tag);
    folder.write('links/tag3.wasm', links.tag);
    folder.write('links/upper2.wasm', links.upper);
    for (const [name, [request, response = '']] of Object.entries(wrong)) {
      const bytes = await handler({ data: 'a\\0d\\0ab', request, response });
      folder.write(`links/wrong-${name}.wasm`, bytes);
      folder.write(`wrong/${name}/file.txt`, 'a secret');
    }
    folder.write('guarded/k', 'a file');
    folder.write('guarded/secret', 'a secret');
    folder.write('upper/large.txt', 'x'.repeat(3_000_000));
    folder.write('rewritten/page.txt', 'x'.repeat(300_000));
    folder.put('echo', 'upper/echo.wasm');
    folder.put('echo', 'peek/echo.wasm');
    folder.put('echo', 'bite/echo.wasm');
    folder.write('echo.wasm', await echoGuest());
    folder.write('open/place.wasm', await placeGuest('here'));
    for (const place of ['tagged', 'twice', 'added', 'deep', 'too-deep']) {
      folder.write(`${place}/file.txt`, 'hello');
    }
    const env = {
      TERRAFIRMA_LIMITS_MIDDLEWARE_STEPS_MAX: '5',
      TERRAFIRMA_LIMITS_CPU_MS_MAX: '1000',
      TERRAFIRMA_LIMITS_REPLY_BODY_BYTES_MAX: '4000000',
    };
    daemon = await TestDaemon.start({ args: [folder.directory], env });
    await waitFor(async () => {
      const paths = ['/guarded/k', '/upper/echo.wasm', '/peek/echo.wasm', '/bite/echo.wasm'];
      const rest = ['/tagged/file.txt', '/twice/file.txt', '/config/', '/early/', '/moved/'];
      const all = await Promise.all([...paths, ...rest].map((path) => ask(daemon.port, path)));
      return all.every(({ status }) => status === 200) ? true : undefined;
    }, 100_000);
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('one that answers keeps all behind it from running', async () => {
    expect(await get('/guarded/secret')).toMatchObject({ status: 401, text: 'who are you?' });
    expect(await get('/guarded/k')).toMatchObject({ status: 200, text: 'a file' });
    expect(await get('/GUARDED/secret')).toMatchObject({ status: 401 });
  });

  test('request and response of a visitor meet one instance, the next a fresh one', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => get('/tagged/file.txt')));
    for (const each of all) expect(each).toEqual({ status: 200, text: 'hello', handled: '717' });
    expect(await get('/twice/file.txt')).toMatchObject({ text: 'hello', handled: '717, 717' });
    expect(await get('/tagged/nothing')).toMatchObject({ status: 404, handled: '717' });
  });

  test('bodies that it writes take the place of those that came', async () => {
    const body = `${'y'.repeat(500_000)}end`;
    const { status, text } = await get('/upper/echo.wasm', { method: 'POST', body });
    expect(status).toBe(200);
    expect(text.startsWith('POST /UPPER/ECHO.WASM'.slice(0, 5))).toBe(true);
    expect(text.endsWith(body.toUpperCase())).toBe(true);
    expect((await get('/upper/large.txt')).text).toBe('X'.repeat(3_000_000));
  });

  test('links that each have all of a page before they let go of it answer a crowd', async () => {
    const crowd = Array.from({ length: 32 }, () => get('/rewritten/page.txt'));
    const page = 'X'.repeat(300_000);
    for (const { status, text } of await Promise.all(crowd)) {
      expect(status).toBe(200);
      expect(text === page).toBe(true);
    }
  });

  test('what it has read of the request goes on where it buffers', async () => {
    const body = 'abcdefgh'.repeat(10_000);
    const peeked = await get('/peek/echo.wasm', { method: 'POST', body });
    expect(peeked.text.endsWith(`\n\n${body}`)).toBe(true);
    const bitten = await get('/bite/echo.wasm', { method: 'POST', body });
    expect(bitten.text.endsWith(`\n\n${body.slice(4)}`)).toBe(true);
  });

  test('its configuration is there when the program starts', async () => {
    expect(await get('/config/')).toMatchObject({ status: 200, text: config });
    expect(await get('/early/')).toMatchObject({ status: 200, text: config });
  });

  test('method, path and headers that it sets are what the next one sees', async () => {
    const { text } = await get('/moved/', { headers: { 'x-added': 'visitor' } });
    const lines = text.split('\n');
    expect(lines).toContain('REQUEST_METHOD=PUT');
    expect(lines).toContain('PATH_INFO=/there');
    expect(lines).toContain('HTTP_X_ADDED=one, /open');
  });

  test('what it says of the response before stands beside what the next one says', async () => {
    const { headers, text } = await ask(daemon.port, '/added/file.txt');
    expect(headers['x-handled']).toBe('one');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toBe('onehello');
  });

  test('it is told that nobody behind could answer, and may', async () => {
    expect(await get('/deep/file.txt')).toMatchObject({ status: 203, text: 'rescued' });
    expect(await get('/too-deep/file.txt')).toMatchObject({ status: 508 });
  });

  test('a WebSocket passes one that passes the request on as it is', async () => {
    const told = async (path: string): Promise<string> => {
      const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}${path}`);
      return await new Promise((resolve) => {
        socket.on('open', () => socket.send('hello'));
        socket.on('message', (data) => {
          resolve(String(data));
          socket.close();
        });
        socket.on('unexpected-response', (_request, response) => {
          response.resume();
          resolve(String(response.statusCode));
        });
      });
    };
    await waitFor(async () => ((await told('/echo.wasm/k')) === '404' ? undefined : true));
    expect(await told('/echo.wasm/k')).toContain('hello');
    expect(await told('/echo.wasm/other')).toBe('401');
  });

  test.each(Object.keys(wrong))('%s ends the run, and shows nothing', async (name) => {
    const { status, text } = await get(`/wrong/${name}/file.txt`, { method: 'POST', body: 'x' });
    expect([name, status]).toEqual([name, name === 'spins' ? 504 : 500]);
    expect(text).not.toContain('secret');
  });

  test('by its own name it answers nobody', async () => {
    expect(await get('/links/guard.wasm/k')).toMatchObject({ status: 404 });
  });
});
