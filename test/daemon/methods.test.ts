/** Methods that node's parser does not know reach functions by HTTP/1.1 where there is no body. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw } from '../support/http.ts';

const echo = new URL('../guests/echo.wasm', import.meta.url);

let folder: TestFolder;
let daemon: TestDaemon;

beforeAll(async () => {
  folder = new TestFolder();
  folder.write('echo.wasm', readFileSync(echo));
  folder.write('page.txt', 'a page');
  daemon = await TestDaemon.start({ args: [folder.directory], threads: 1 });
  await waitFor(async () => (await ask(daemon.port, '/echo.wasm')).status === 200 || undefined);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const last = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

/** The answers on one connection, which ends behind the last: kits write such methods otherwise. */
function tell(...requests: readonly string[]): Promise<string> {
  return sendRaw(daemon.port, [...requests, last].join(''));
}

const bare = (method: string, path: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\n\r\n`;

describe('a method that node does not know', () => {
  test.each(['get', 'HELLO', "!#$%&'*+-.^_`|~aZ9"])('%s is the function’s', async (method) => {
    const answers = await tell(bare(method, '/echo.wasm/a'), bare('GET', '/echo.wasm/b'));
    expect(answers).toMatch(/^HTTP\/1\.1 200 /);
    expect(answers).toContain(`\r\n\r\n${method} /echo.wasm/a\n`);
    expect(answers).toContain('\r\n\r\nGET /echo.wasm/b\n');
    const line = await daemon.waitForLog((each) => each.method === method);
    expect(line).toMatchObject({ status: 200, path: '/echo.wasm/a' });
  });

  test('is the function’s where a client says that there is no body', async () => {
    const { status, text } = await ask(daemon.port, '/echo.wasm', {
      method: 'HELLO',
      headers: { connection: 'keep-alive' },
    });
    expect(status).toBe(200);
    expect(text).toMatch(/^HELLO \/echo\.wasm\n/);
  });

  test('is not allowed for files, and is not found where there is nothing', async () => {
    expect(await tell(bare('get', '/page.txt'))).toMatch(/^HTTP\/1\.1 405 /);
    expect(await tell(bare('get', '/none'))).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('is refused with a body, and behind one', async () => {
    const filled = 'get / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx';
    expect(await tell(filled)).toMatch(/^HTTP\/1\.1 400 /);
    const answers = await tell(filled.replace('get /', 'PUT /echo.wasm'), bare('get', '/'));
    expect(answers).toMatch(/^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 400 /);
  });
});
