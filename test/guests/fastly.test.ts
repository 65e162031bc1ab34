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
import { ask } from '../support/http.ts';

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
      expect(origin.togetherMax).toBeGreaterThan(1);
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
