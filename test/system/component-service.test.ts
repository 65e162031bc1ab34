/** A service of WASI 0.3 in Rust, over sockets. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw } from '../support/http.ts';

const guest = join(import.meta.dirname, '../guests/components/rust/service03.wasm');
const mib = 1024 * 1024;

describe('a service of WASI 0.3', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('app.wasm', readFileSync(guest));
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () => {
      const { status } = await ask(daemon.port, '/app.wasm/');
      return status === 200 ? true : undefined;
    }, 100_000);
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const post = (path: string, body: string | Uint8Array) =>
    ask(daemon.port, `/app.wasm${path}`, { method: 'POST', body });

  test('answers one request after another', async () => {
    for (let count = 0; count < 5; count += 1) {
      const { status, text } = await ask(daemon.port, '/app.wasm/');
      expect([status, text]).toEqual([200, 'hello']);
    }
  });

  test.each(['/echo', '/pass'])('streams a body both ways: %s', async (path) => {
    const body = Buffer.alloc(2 * mib, 'all of it, ');
    const reply = await post(path, body);
    expect(reply.body.equals(body)).toBe(true);
    expect((await post(path, 'short')).text).toBe('short');
    expect((await post(path, '')).text).toBe('');
  });

  test('passes on what it reads before the request is whole', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const options = { host: '127.0.0.1', port: daemon.port, path: '/app.wasm/echo' };
    const sending = request({ ...options, method: 'POST' }, (reply) => {
      reply.once('data', (piece: Buffer) => {
        resolve(piece.toString());
        sending.end();
      });
    });
    sending.write('first');
    expect(await promise).toBe('first');
  });

  test('sends fields after its body', async () => {
    const head = 'GET /app.wasm/trailers HTTP/1.1\r\nhost: localhost\r\nte: trailers\r\n';
    const reply = await sendRaw(daemon.port, `${head}connection: close\r\n\r\n`);
    expect(reply).toMatch(/\r\nx-sum: 42\r\n/);
  });

  test('writes more than anybody holds, at the pace of its reader', async () => {
    expect((await ask(daemon.port, '/app.wasm/large')).body.length).toBe(4 * mib);
  });

  test('waits between pieces', async () => {
    expect((await ask(daemon.port, '/app.wasm/slow')).text).toBe('0\n1\n2\n');
  });

  test('says why it does not answer', async () => {
    expect((await ask(daemon.port, '/app.wasm/denied')).status).toBe(403);
    expect((await ask(daemon.port, '/app.wasm/panic')).status).toBe(500);
    expect((await ask(daemon.port, '/app.wasm/')).text).toBe('hello');
  });

  test('works on after its answer', async () => {
    expect((await ask(daemon.port, '/app.wasm/after')).text).toBe('before');
  });

  test('is not disturbed by clients that go in the middle', async () => {
    for (const path of ['/large', '/slow', '/echo']) {
      await new Promise<void>((resolve) => {
        const options = { host: '127.0.0.1', port: daemon.port, path: `/app.wasm${path}` };
        const going = request({ ...options, method: 'POST' });
        going.on('error', () => resolve());
        going.once('response', (reply) => {
          reply.on('error', () => resolve());
          reply.once('close', () => resolve());
          reply.once('data', () => going.destroy());
        });
        going.write('a piece');
        if (path !== '/echo') going.end();
      });
    }
    expect((await ask(daemon.port, '/app.wasm/')).text).toBe('hello');
  });
});
