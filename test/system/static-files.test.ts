import { utimesSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { untilHolds } from '../support/until-holds.ts';

const MIB = 1024 * 1024;
/** More than both ends of a connection keep for a client that reads nothing. */
const LARGE_BYTES = 32 * MIB;
const LONG_AGO_S = 1_000_000_000;
const FAR_AHEAD_S = 4_000_000_000;

describe('static files', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('large.bin', Buffer.alloc(LARGE_BYTES, 'a'));
    folder.write('empty.txt', '');
    folder.write('old.txt', 'old 1');
    utimesSync(folder.path('old.txt'), LONG_AGO_S, LONG_AGO_S);
    folder.write('ahead.txt', 'ahead');
    utimesSync(folder.path('ahead.txt'), FAR_AHEAD_S, FAR_AHEAD_S);
    folder.write('favicon.ico', 'icon');
    folder.write('caf\u00e9.txt', 'composed');
    folder.write('pin\u0303a.txt', 'decomposed');
    folder.write('caf\u00e9/a/pin\u0303a/u\u0308.txt', 'mixed');
    folder.write('می\u200cخواهم.txt', 'joined');
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(daemon.port, path, { headers });

  test('break off when they are written in place, and are whole when replaced', async () => {
    const slow = await SlowDownload.begin(daemon.port, '/large.bin');
    writeFileSync(folder.path('large.bin'), Buffer.alloc(LARGE_BYTES, 'b'));
    const broken = await slow.finish();
    expect(broken).toBeLessThan(LARGE_BYTES);

    const other = await SlowDownload.begin(daemon.port, '/large.bin');
    folder.replace('large.bin', Buffer.alloc(LARGE_BYTES, 'c'));
    expect(await other.finish()).toBe(LARGE_BYTES);
  });

  test('have another ETag when they are replaced by as many bytes with an old time', async () => {
    const before = await get('/old.txt');
    folder.replace('old.txt', 'old 2');
    utimesSync(folder.path('old.txt'), LONG_AGO_S, LONG_AGO_S);
    const etag = String(before.headers.etag);
    const after = await get('/old.txt', { 'if-none-match': etag });
    expect([after.status, after.text]).toEqual([200, 'old 2']);
    expect(after.headers['last-modified']).toBe(before.headers['last-modified']);
    const part = await get('/old.txt', { range: 'bytes=4-4', 'if-range': etag });
    expect([part.status, part.text]).toEqual([200, 'old 2']);
  });

  test('are what was written last, also where their bytes are kept', async () => {
    folder.write('page.txt', 'page 0');
    // One that was just written has a weak ETag for a second.
    await untilHolds(async () => {
      const { headers } = await get('/page.txt');
      expect(headers.etag).not.toMatch(/^W\//);
    });
    for (let count = 1; count <= 20; count += 1) {
      expect((await get('/page.txt')).text).toBe(`page ${count - 1}`);
      writeFileSync(folder.path('page.txt'), `page ${count}`);
      utimesSync(folder.path('page.txt'), LONG_AGO_S, LONG_AGO_S);
      expect((await get('/page.txt')).text).toBe(`page ${count}`);
    }
    folder.write('page.txt', 'pages');
    expect((await get('/page.txt', { range: 'bytes=1-2' })).text).toBe('ag');
  });

  test('were never modified after the Date of the answer', async () => {
    const { headers } = await get('/ahead.txt');
    const modified = Date.parse(String(headers['last-modified']));
    expect(modified).toBeLessThanOrEqual(Date.parse(String(headers.date)));
  });

  test.each([
    ['x 2098', 200],
    ['Fri, 31 Feb 2099 00:00:00 GMT', 200],
    ['Sun Sep  9 01:46:39 2001', 200],
    ['Sun Sep  9 01:46:40 2001', 304],
    ['Sunday, 09-Sep-01 01:46:40 GMT', 304],
  ])('If-Modified-Since: %s is answered with %i', async (since, status) => {
    expect((await get('/old.txt', { 'if-modified-since': since })).status).toBe(status);
  });

  test('send an empty file whole when its last bytes are asked for', async () => {
    const reply = await get('/empty.txt', { range: 'bytes=-5' });
    expect([reply.status, reply.text]).toEqual([200, '']);
    expect((await get('/empty.txt', { range: 'bytes=0-' })).status).toBe(416);
  });

  test('are found under the names that people give them', async () => {
    expect((await get('/favicon.ico')).headers['content-type']).toBe('image/vnd.microsoft.icon');
    for (const [name, text] of [
      ['caf\u00e9', 'composed'],
      ['cafe\u0301', 'composed'],
      ['pi\u00f1a', 'decomposed'],
      ['می\u200cخواهم', 'joined'],
    ] as const) {
      expect((await get(`/${encodeURIComponent(name)}.txt`)).text).toBe(text);
    }
  });

  test('are found where each name of their path is spelled in a form of its own', async () => {
    const path = 'caf\u00e9/a/pin\u0303a/u\u0308.txt';
    for (const form of ['NFC', 'NFD'] as const) {
      expect((await get(`/${encodeURI(path.normalize(form))}`)).text).toBe('mixed');
      const other = encodeURI(path.normalize(form).replace('/a/', '/b/'));
      expect((await get(`/${other}`)).status).toBe(404);
    }
  });
});

/** A client that takes the first bytes of an answer and then nothing until it is told to. */
class SlowDownload {
  readonly #socket: Socket;
  #bytes = 0;
  #headBytes = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async begin(port: number, path: string): Promise<SlowDownload> {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => socket.destroy());
    const download = new SlowDownload(socket);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on('data', (chunk: Buffer) => {
      if (download.#bytes === 0) download.#headBytes = chunk.indexOf('\r\n\r\n') + 4;
      if (download.#bytes === 0) socket.pause();
      download.#bytes += chunk.length;
      resolve();
    });
    await promise;
    return download;
  }

  /** Takes the rest; resolves to the bytes of the body that came. */
  finish(): Promise<number> {
    this.#socket.resume();
    return new Promise((resolve) => {
      this.#socket.on('close', () => resolve(this.#bytes - this.#headBytes));
    });
  }
}
