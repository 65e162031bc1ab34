/** What a folder grants its modules, through the daemon. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const folder = new TestFolder();
let daemon: TestDaemon;
let server: Server;
let url: string;
const visited: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    visited.push(request.url ?? '');
    if (request.url === '/away') {
      const { port } = server.address() as AddressInfo;
      response.writeHead(302, { location: `http://localhost:${port}/reached` }).end();
    } else response.end('from the server');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  folder.put('fetch');
  folder.put('fetch', 'closed.wasm');
  folder.put('fetch', 'apart.wasm');
  folder.put('kv');
  folder.put('kv', 'storeless.wasm');
  folder.write(
    'terrafirma.toml',
    `
    [backends.origin]
    url = "${url}"
    [grants]
    outbound = ["${url}"]
    ["closed.wasm".grants]
    outbound = []
    backends = ["origin"]
    ["storeless.wasm".grants]
    kv = false
    ["apart.wasm".grants]
    backends = []
    `,
  );
  daemon = await TestDaemon.start({
    args: [folder.directory, '--allow-outbound', '127.0.0.0/8', '--quiet-ms', '50'],
  });
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  folder[Symbol.dispose]();
});

describe('where requests may go', () => {
  test('is what the folder lists', async () => {
    const reply = await ask(daemon.port, `/fetch.wasm?${url}/listed`);
    expect([reply.status, reply.text]).toEqual([200, 'from the server']);
  });

  test('is nowhere else, before anybody asks for the name, and the log says why', async () => {
    expect((await ask(daemon.port, '/fetch.wasm?http://other.example/')).status).toBe(502);
    await daemon.waitForLog(({ msg }) =>
      msg.includes("Cannot fetch http://other.example: the folder's list must have it"),
    );
  });

  test('holds behind a redirect, too', async () => {
    expect((await ask(daemon.port, `/fetch.wasm?${url}/away`)).status).toBe(502);
    expect(visited).toContain('/away');
    expect(visited).not.toContain('/reached');
  });

  test('may be less for one module', async () => {
    expect((await ask(daemon.port, `/closed.wasm?${url}/closed`)).status).toBe(502);
    expect(visited).not.toContain('/closed');
  });
});

describe('a back-end', () => {
  test('is named in place of a host, also where nothing else may be fetched', async () => {
    const reply = await ask(daemon.port, '/closed.wasm?http://origin/named');
    expect([reply.status, reply.text]).toEqual([200, 'from the server']);
    expect(visited).toContain('/named');
  });

  test('does not exist for a module that is not granted it', async () => {
    expect((await ask(daemon.port, '/apart.wasm?http://origin/apart')).status).toBe(502);
    expect(visited).not.toContain('/apart');
  });
});

describe('key-value stores', () => {
  test('are there for a module unless it is granted none', async () => {
    expect((await ask(daemon.port, '/kv.wasm/insert?key=value')).text).toBe('1\n');
    expect((await ask(daemon.port, '/kv.wasm/get?key')).text).toBe('value');
    expect((await ask(daemon.port, '/storeless.wasm/insert?key=value')).status).toBe(500);
    await daemon.waitForLog((line) => JSON.stringify(line).includes('it must be granted'));
  });
});
