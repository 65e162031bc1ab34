/** Functions that answer for a whole site: the nearest index.wasm, and routes. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { placeGuest, readPlace } from '../support/cgi-guests.ts';
import { waitFor } from '../support/daemon.ts';
import { guestBytes } from '../support/folder.ts';
import { FunctionStage } from '../support/function-stage.ts';
import { FOLDER, SecureWorld } from '../support/secure-daemon.ts';
import { askHttp2 } from '../support/tls-client.ts';
import { counterGuest } from '../support/websocket-guests.ts';

describe('an index.wasm', () => {
  let stage: FunctionStage;

  beforeAll(async () => {
    stage = await FunctionStage.open({
      'index.wasm': await placeGuest('root'),
      'shop/index.wasm': await placeGuest('shop'),
      'shop/cart.wasm': await placeGuest('cart'),
      'shop/list.txt': 'a list',
      'bare/page.html': '<p>page</p>',
      'home/index.html': '<p>home</p>',
    });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each([
    ['/', 'root GET - /'],
    ['/a/b?c', 'root GET - /a/b'],
    ['/shop/', 'shop GET /shop /'],
    ['/shop/7', 'shop GET /shop /7'],
    ['/shop/new/', 'shop GET /shop /new/'],
    ['/shop/cart.wasm/x', 'cart GET /shop/cart.wasm /x'],
    ['/shop/none.wasm/x', 'shop GET /shop /none.wasm/x'],
    ['/bare/none', 'root GET - /bare/none'],
    ['/bare/', 'root GET - /bare/'],
    ['/shop/index.wasm/x', 'shop GET /shop/index.wasm /x'],
    ['/caf%C3%A9/x', 'root GET - /café/x'],
  ])('answers %s', async (path, expected) => {
    expect(await stage.place(path)).toBe(expected);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('answers %s', async (method) => {
    expect(await stage.place('/shop/7', { method })).toBe(`shop ${method} /shop /7`);
  });

  test('leaves files, directories with an index.html and what is never served alone', async () => {
    expect((await stage.ask('/shop/list.txt')).text).toBe('a list');
    expect((await stage.ask('/home/')).text).toBe('<p>home</p>');
    expect((await stage.ask('/home')).headers.location).toBe('./home/');
    expect((await stage.ask('/shop/list.txt', { method: 'POST' })).status).toBe(405);
    expect((await stage.ask('/.git/config')).status).toBe(403);
    expect((await stage.ask('/a//b')).status).toBe(400);
  });

  test('sees the path as it came', async () => {
    const { text } = await stage.ask('/shop/a%20b/c?d=1');
    expect(text).toContain('\nX_RAW_PATH_INFO=/a%20b/c\n');
    expect(text).toContain('\nREQUEST_URI=/shop/a%20b/c?d=1\n');
  });

  test('is named in the line of the log', async () => {
    await stage.ask('/shop/logged');
    const line = await stage.daemon.waitForLog((each) => each.path === '/shop/logged');
    expect(line).toMatchObject({ modulePath: 'shop/index.wasm', outcome: 'replied' });
  });

  test('is there for the first visitor, whatever the path, and however many modules', async () => {
    const files: Record<string, Uint8Array> = {};
    for (let count = 0; count < 12; count += 1) files[`m${count}.wasm`] = guestBytes('hello');
    await using fresh = await FunctionStage.open({
      ...files,
      'deep/er/index.wasm': await placeGuest('deep'),
    });
    expect(await fresh.place('/deep/er/x/y')).toBe('deep GET /deep/er /x/y');
    expect(await fresh.place('/deep/x')).toBe('404');
  });

  test('that is refused says so, and is not passed over', async () => {
    await using broken = await FunctionStage.open({
      'index.wasm': await placeGuest('root'),
      'sub/index.wasm': guestBytes('no-run'),
    });
    expect(await broken.place('/sub/x')).toBe('502');
    expect(await broken.place('/x')).toBe('root GET - /x');
  });

  test('leaves what is new beside it alone once that was seen, also in another case', async () => {
    await using stage = await FunctionStage.open({ 'index.wasm': await placeGuest('root') });
    const untilIs = (path: string, text: string) =>
      waitFor(async () => ((await stage.ask(path)).text === text ? true : undefined));
    expect(await stage.place('/new.txt')).toBe('root GET - /new.txt');
    expect(await stage.place('/sub/page.txt')).toBe('root GET - /sub/page.txt');
    stage.folder.write('new.txt', 'new');
    stage.folder.write('sub/page.txt', 'page');
    await untilIs('/new.txt', 'new');
    await untilIs('/sub/page.txt', 'page');
    stage.folder.write('sub/later.txt', 'later');
    expect((await stage.ask('/sub/later.txt')).text).toBe('later');
    expect(await stage.place('/NEW.txt')).toBe('root GET - /NEW.txt');
  });

  test('is gone when its file is', async () => {
    await using going = await FunctionStage.open({ 'index.wasm': await placeGuest('root') });
    expect(await going.place('/x')).toBe('root GET - /x');
    going.folder.remove('index.wasm');
    await waitFor(async () => ((await going.place('/x')) === '404' ? true : undefined));
  });
});

describe('beside other rules of the folder', () => {
  let stage: FunctionStage;

  beforeAll(async () => {
    stage = await FunctionStage.open({
      'index.wasm': await placeGuest('root'),
      'api.wasm': await placeGuest('api'),
      'users.wasm': await placeGuest('users'),
      'app.html': '<p>app</p>',
      'about.html': '<p>about</p>',
      'api/readme.txt': 'read me',
      'terrafirma.toml': `
        [[routes]]
        path = "/api/*"
        module = "api.wasm"
        [[routes]]
        path = "/users/:id"
        module = "users.wasm"
        methods = ["GET"]
        [[routes]]
        path = "/lost/*"
        module = "lost.wasm"
        [[redirects]]
        from = "/old"
        to = "/new"
        [[redirects]]
        from = "/api/old"
        to = "/new"
        [site]
        clean_urls = true
        spa = "/app.html"
      `,
    });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const html = { headers: { accept: 'text/html' } };

  test.each([
    ['/api/', 'api GET /api /'],
    ['/api/v1/x', 'api GET /api /v1/x'],
    ['/users/7', 'users GET /users/7 -'],
    ['/users/7/x', 'root GET - /users/7/x'],
    ['/lost/x', 'root GET - /lost/x'],
    ['/users.wasm/x', 'users GET /users.wasm /x'],
  ])('routes: %s', async (path, expected) => {
    expect(await stage.place(path)).toBe(expected);
  });

  test('a route holds for its methods; the index.wasm takes the rest', async () => {
    expect(await stage.place('/users/7', { method: 'PUT' })).toBe('root PUT - /users/7');
    await stage.ask('/users/9', { method: 'HEAD' });
    const line = await stage.daemon.waitForLog(({ path }) => path === '/users/9');
    expect(line.modulePath).toBe('users.wasm');
    expect(await stage.place('/api/x', { method: 'DELETE' })).toBe('api DELETE /api /x');
  });

  test('a file comes before a route, a route before what stands in', async () => {
    expect((await stage.ask('/api/readme.txt')).text).toBe('read me');
    expect(await stage.place('/api/old', html)).toBe('api GET /api /old');
    expect(await stage.place('/api/page', html)).toBe('api GET /api /page');
  });

  test('the index.wasm comes after redirects, clean URLs and the application', async () => {
    expect((await stage.ask('/old')).headers.location).toBe('/new');
    expect((await stage.ask('/about')).text).toBe('<p>about</p>');
    expect((await stage.ask('/page', html)).text).toBe('<p>app</p>');
    expect(await stage.place('/page')).toBe('root GET - /page');
    expect(await stage.place('/page', { ...html, method: 'POST' })).toBe('root POST - /page');
  });
});

test('cors = "module": the function answers preflights for the paths that are its', async () => {
  await using stage = await FunctionStage.open({
    'api.wasm': await placeGuest('api'),
    'page.html': '<p>page</p>',
    'terrafirma.toml': `
      [cors]
      allow_origins = ["https://app.example"]
      [[routes]]
      path = "/api/*"
      module = "api.wasm"
      methods = ["PUT", "OPTIONS"]
      ["api.wasm"]
      cors = "module"
    `,
  });
  expect(await stage.place('/api.wasm')).toBe('api GET /api.wasm -');
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'PUT' };
  const preflight = { method: 'OPTIONS', headers };
  expect(await stage.place('/api/x', preflight)).toBe('api OPTIONS /api /x');
  expect(await stage.place('/else', preflight)).toBe('204');
});

describe('index_first', () => {
  test('lets functions answer where a file is, but not where a module is', async () => {
    await using stage = await FunctionStage.open({
      'index.wasm': await placeGuest('root'),
      'api.wasm': await placeGuest('api'),
      'page.html': '<p>page</p>',
      'index.html': '<p>home</p>',
      'terrafirma.toml': `
        [site]
        index_first = true
        [[routes]]
        path = "/page.html"
        module = "api.wasm"
        methods = ["POST"]
      `,
    });
    expect(await stage.place('/')).toBe('root GET - /');
    expect(await stage.place('/page.html')).toBe('root GET - /page.html');
    expect(await stage.place('/page.html', { method: 'POST' })).toBe('api POST /page.html -');
    expect(await stage.place('/api.wasm/x')).toBe('api GET /api.wasm /x');
  });
});

describe('who may read', () => {
  test('the path and the function: both', async () => {
    const bcrypt = '$2a$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW';
    await using stage = await FunctionStage.open({
      'index.wasm': await placeGuest('root'),
      'closed/index.wasm': await placeGuest('closed'),
      'open/index.wasm': await placeGuest('open'),
      'secret.wasm': await placeGuest('secret'),
      'hidden/index.wasm': await placeGuest('hidden'),
      'terrafirma.toml': `
        private = ["/hidden/index.wasm"]
        [[routes]]
        path = "/open/secret/*"
        module = "secret.wasm"
      `,
      '.kbp_config': JSON.stringify({
        version: 'v1',
        users: { bob: bcrypt },
        per_path_configs: {
          '/': { whitelist_additional_permissions: { bob: 'read' } },
          '/open': { anonymous_permissions: 'read' },
          '/hidden': { anonymous_permissions: 'read' },
          '/open/more': { whitelist_additional_permissions: { bob: 'read' } },
          '/index.wasm': {},
        },
      }),
    });
    expect(await stage.place('/open/x')).toBe('open GET /open /x');
    expect(await stage.place('/open/more/x')).toBe('401');
    expect(await stage.place('/closed/x')).toBe('401');
    // The path may be read, the module may not.
    expect(await stage.place('/open/secret/x')).toBe('open GET /open /secret/x');
    expect(await stage.place('/hidden/x')).toBe('404');
  });

  test('a visitor who may not read the function finds nothing', async () => {
    await using stage = await FunctionStage.open({
      'index.wasm': await placeGuest('root'),
      '.kbp_config': JSON.stringify({
        version: 'v1',
        per_path_configs: { '/': {}, '/open': { anonymous_permissions: 'read' } },
      }),
    });
    expect(await stage.place('/open/x')).toBe('404');
  });
});

describe('WebSockets', () => {
  const first = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.on('open', () => socket.send('one'));
      socket.on('message', (data) => {
        resolve(String(data));
        socket.close();
      });
      socket.on('unexpected-response', (_request, { statusCode }) => {
        resolve(String(statusCode));
        socket.terminate();
      });
      socket.on('error', reject);
    });

  test('reach the function of a route, and that of the site, also where a file is', async () => {
    await using stage = await FunctionStage.open({
      'index.wasm': await counterGuest(),
      'page.html': '<p>page</p>',
      'chat.wasm': await counterGuest(),
      'terrafirma.toml': '[[routes]]\npath = "/chat/:room"\nmodule = "chat.wasm"',
    });
    const url = `ws://127.0.0.1:${stage.daemon.port}`;
    expect(await first(`${url}/any/where`)).toBe('1');
    expect(await first(`${url}/`)).toBe('1');
    expect(await first(`${url}/page.html`)).toBe('1');
    expect(await first(`${url}/chat/lobby`)).toBe('1');
    const line = await stage.daemon.waitForLog((each) => each.path === '/chat/lobby');
    expect(line.modulePath).toBe('chat.wasm');
  });

  test('are refused where there is no function', async () => {
    await using stage = await FunctionStage.open({ 'page.html': '<p>page</p>' });
    const url = `ws://127.0.0.1:${stage.daemon.port}`;
    expect(await first(`${url}/page.html`)).toBe('404');
  });
});

test('over HTTP/2 as over HTTP/1.1', async () => {
  await using world = await SecureWorld.prepare();
  writeFileSync(world.mount.path(`${FOLDER}/index.wasm`), await placeGuest('root'));
  await world.startDaemon();
  world.point('site.test');
  const options = { serverName: 'site.test', ca: world.ca, method: 'POST', body: 'x' };
  const { text, status } = await askHttp2(world.tlsPort, '/a/b', options);
  expect([status, readPlace(text)]).toEqual([200, 'root POST - /a/b']);
});
