/**
 * Programs made with the vendor's SDKs (test/guests/fastly), through the daemon. They are built by
 * `node scripts/build-fastly-guests.ts DIR`, which needs package registries; FASTLY_GUESTS names
 * DIR. What is not there is skipped.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { FastlyOrigin } from '../support/fastly-origin.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw } from '../support/http.ts';
import { FOLDER, SecureWorld } from '../support/secure-daemon.ts';
import { askHttp2 } from '../support/tls-client.ts';

const guestsFolder = process.env.FASTLY_GUESTS ?? '';
const languages = ['javascript', 'go', 'rust'] as const;
const moduleOf = (language: string): string => join(guestsFolder, `${language}.wasm`);
const isBuilt = (language: string): boolean =>
  guestsFolder !== '' && existsSync(moduleOf(language));

function settingsFor(origin: FastlyOrigin): string {
  return `
    manifest_version = 3
    name = "app"
    [local_server.backends.origin]
    url = "${origin.url}"
    [local_server.config_stores.settings]
    format = "inline-toml"
    contents = { colour = "green" }
    [[local_server.secret_stores.secrets]]
    key = "word"
    data = "sesame"
    [[local_server.kv_stores.things]]
    key = "first"
    data = "from the file"
  `;
}

for (const language of languages) {
  describe.skipIf(!isBuilt(language))(`a program of the ${language} SDK`, () => {
    const folder = new TestFolder();
    let origin: FastlyOrigin;
    let daemon: TestDaemon;

    beforeAll(async () => {
      origin = await FastlyOrigin.start();
      folder.write('index.wasm', readFileSync(moduleOf(language)));
      folder.write('fastly.toml', settingsFor(origin));
      daemon = await TestDaemon.start({
        args: [folder.directory, '--allow-outbound', '127.0.0.0/8', '--quiet-ms', '50'],
      });
      await waitFor(async () => ((await get('/hello')).status === 200 ? true : undefined));
    });

    afterAll(async () => {
      await daemon[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    });

    const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
      ask(daemon.port, path, { headers });

    test('greets', async () => {
      expect((await get('/hello')).text).toBe('Hello, world!\n');
      expect((await get('/hello?name=Ada')).text).toBe('Hello, Ada!\n');
      expect(await get('/none')).toMatchObject({ status: 404, text: 'no such path\n' });
    });

    test('sends a body back', async () => {
      const body = 'ä'.repeat(300_000);
      const reply = await ask(daemon.port, '/echo', {
        ...{ method: 'POST', body, headers: { 'x-ask': 'why' } },
      });
      expect(reply.headers).toMatchObject({ 'x-method': 'POST', 'x-asked': 'why' });
      expect(reply.text).toBe(body);
    });

    test('streams', async () => {
      const reply = await get('/stream');
      expect(reply.headers['transfer-encoding']).toBe('chunked');
      expect(reply.text).toBe('chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n');
    });

    test('asks a back-end eight times at once', async () => {
      const texts = Array.from({ length: 8 }, (_, at) => `item ${at}`);
      expect((await get('/fan-out')).text).toBe(texts.join(','));
      expect(origin.togetherMax).toBe(8);
    });

    test('passes a large body on', async () => {
      const { body } = await get('/pass');
      expect(body.length).toBe(origin.largeBody.length);
      expect(body.equals(origin.largeBody)).toBe(true);
    });

    test('keeps values', async () => {
      expect((await get('/kv?key=first')).text).toBe('from the file');
      const put = await ask(daemon.port, '/kv?key=a%20b', { method: 'PUT', body: 'value' });
      expect(put.text).toBe('kept\n');
      expect((await get('/kv?key=a%20b')).text).toBe('value');
      expect((await ask(daemon.port, '/kv?key=a%20b', { method: 'DELETE' })).text).toBe('gone\n');
      expect((await get('/kv?key=a%20b')).status).toBe(404);
    });

    test('reads settings and secrets', async () => {
      expect(await get('/config?key=colour')).toMatchObject({ status: 200, text: 'green' });
      expect(await get('/config?key=size')).toMatchObject({ status: 404, text: 'none' });
      expect(await get('/secret?key=word')).toMatchObject({ status: 200, text: 'sesame' });
      expect(await get('/secret?key=other')).toMatchObject({ status: 404, text: 'none' });
    });

    test('takes and sets cookies', async () => {
      const reply = await get('/cookies', { cookie: 'c=3; d=4' });
      expect(reply.text).toBe('c=3; d=4');
      expect(reply.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2; HttpOnly']);
    });

    test('has gzip taken off', async () => {
      expect((await get('/gzip')).text).toBe('none: was packed');
    });

    test('computes once what it caches', async () => {
      const first = (await get('/cache?key=one')).text;
      expect((await get('/cache?key=one')).text).toBe(first);
      expect((await get('/cache?key=two')).text).not.toBe(first);
    });

    test('asks once for what many want, and gives what is stale where that fails', async () => {
      origin.arrivalsAwaited = 8;
      const visitors = Array.from({ length: 8 }, () => get('/kept'));
      for (const { text } of await Promise.all(visitors)) expect(text).toBe('kept 1');
      expect(origin.keptCount).toBe(1);
      expect((await get('/purge?soft=1')).text).toBe('purged\n');
      origin.isKeptBroken = true;
      expect(await get('/kept')).toMatchObject({ status: 200, text: 'kept 1' });
      expect((await get('/purge')).text).toBe('purged\n');
      expect(await get('/kept')).toMatchObject({ status: 503, text: 'broken' });
      origin.isKeptBroken = false;
      await waitFor(async () => ((await get('/kept')).text === 'kept 2' ? true : undefined));
    });

    test('says how long its answer is before it is written', async () => {
      const { headers, text } = await get('/framed');
      expect(headers).toMatchObject({ 'content-length': '6' });
      expect(headers['transfer-encoding']).toBeUndefined();
      expect(text).toBe('framed');
    });

    // Go's writer sends one head.
    test.skipIf(language === 'go')('sends a hint before its answer', async () => {
      const received = await sendRaw(
        daemon.port,
        'GET /hints HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n',
      );
      expect(received).toMatch(
        /^HTTP\/1\.1 103 .*\r\nlink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 /i,
      );
      expect(received).toContain('after hints\n');
    });

    test('knows what it has used', async () => {
      const { cpuMs, heapMib } = JSON.parse((await get('/used')).text);
      expect(cpuMs).toBeGreaterThanOrEqual(0);
      if (language === 'rust') expect(heapMib).toBeGreaterThan(0);
    });

    test('hands a WebSocket over to its back-end', async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/websocket`);
      const received = new Promise<string>((resolve, reject) => {
        socket.once('message', (data) => resolve(String(data)));
        socket.once('error', reject);
        socket.once('unexpected-response', (_, { statusCode }) => {
          reject(new Error(`status ${statusCode}`));
        });
      });
      socket.once('open', () => socket.send('hello'));
      expect(await received).toBe('HELLO');
      socket.close();
    });

    test('fails alone when it panics', async () => {
      expect((await get('/panic')).status).toBe(500);
      expect((await get('/hello')).status).toBe(200);
    });

    test('writes to the log', async () => {
      expect((await get('/log')).text).toBe('told\n');
      await daemon.waitForLog((line) => JSON.stringify(line).includes('told to the endpoint'));
      await daemon.waitForLog((line) => JSON.stringify(line).includes('told to the console'));
    });

    test('knows who asks', async () => {
      expect(JSON.parse((await get('/about')).text)).toMatchObject({ address: '127.0.0.1' });
    });
  });
}

for (const language of languages) {
  describe.skipIf(!isBuilt(language))(`a program of the ${language} SDK, over TLS`, () => {
    test('knows how its visitor opened the connection', async () => {
      await using world = await SecureWorld.prepare();
      const serverName = 'about.test';
      world.point(serverName);
      world.mount.write(`${FOLDER}/index.wasm`, readFileSync(moduleOf(language)));
      world.mount.write(`${FOLDER}/fastly.toml`, 'manifest_version = 3\n');
      await world.startDaemon({
        args: ['--quiet-ms', '50'],
        env: { TERRAFIRMA_TLS_REDIRECTS: 'false' },
      });
      const where = { host: serverName };
      await waitFor(async () => {
        const { status } = await ask(world.daemon.port, '/hello', where);
        return status === 200 ? true : undefined;
      });
      const { text } = await askHttp2(world.tlsPort, '/about', { serverName, ca: world.ca });
      const told = JSON.parse(text);
      expect(told).toMatchObject({
        protocol: 'TLSv1.3',
        cipher: expect.stringMatching(/^TLS_/),
        // The kit for JavaScript writes capital letters.
        ja3: expect.stringMatching(/^[0-9a-f]{32}$/i),
      });
      expect(told.ja3).not.toMatch(/^0*$/);
      // Go's library does not ask for these.
      if (language === 'go') return;
      expect(told.ja4).toMatch(/^t13d\d{4}h2_\w{12}_\w{12}$/);
      expect(told.h2).toMatch(/^[\d:;]*\|\d+\|0\|[amps,]{7}$/);
    });
  });
}

describe.skipIf(!isBuilt('example-javascript'))('the example in JavaScript', () => {
  test('keeps notes and lists them', async () => {
    using folder = new TestFolder();
    folder.write('index.wasm', readFileSync(moduleOf('example-javascript')));
    folder.write('fastly.toml', readExample('javascript/fastly.toml'));
    await using daemon = await TestDaemon.start({ args: [folder.directory, '--quiet-ms', '50'] });
    const get = (path: string) => ask(daemon.port, path);
    await waitFor(async () => ((await get('/')).status === 200 ? true : undefined));
    const put = await ask(daemon.port, '/notes/milk', { method: 'PUT', body: 'two litres' });
    expect(put.status).toBe(204);
    expect((await get('/notes/milk')).text).toBe('two litres');
    expect((await get('/')).text).toBe(
      'Notes\n\nfirst: This one came with fastly.toml.\nmilk: two litres\n',
    );
    expect((await get('/notes/none')).status).toBe(404);
    expect((await get('/fastly.toml')).status).toBe(403);
  });
});

describe.skipIf(!isBuilt('example-rust'))('the example in Rust', () => {
  test('passes everything on but /health', async () => {
    await using origin = await FastlyOrigin.start();
    using folder = new TestFolder();
    folder.write('index.wasm', readFileSync(moduleOf('example-rust')));
    const settings = readExample('rust/fastly.toml').replace('http://127.0.0.1:3000', origin.url);
    folder.write('fastly.toml', settings);
    await using daemon = await TestDaemon.start({
      args: [folder.directory, '--allow-outbound', '127.0.0.0/8', '--quiet-ms', '50'],
    });
    const get = (path: string) => ask(daemon.port, path);
    await waitFor(async () => ((await get('/health')).text === 'ok\n' ? true : undefined));
    const passed = await get('/large');
    expect(passed.headers['x-passed-by']).toBe('rust');
    expect(passed.body.equals(origin.largeBody)).toBe(true);
  });
});

function readExample(name: string): string {
  return readFileSync(join(import.meta.dirname, '../../examples/fastly', name), 'utf8');
}
