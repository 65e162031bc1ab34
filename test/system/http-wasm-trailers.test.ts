/** Fields after bodies, through handlers of http-wasm. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { trailerHandler } from '../support/handler-guests.ts';
import { ask } from '../support/http.ts';

interface Reply {
  readonly text: string;
  readonly trailers: IncomingHttpHeaders;
}

function send(port: number, path: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { 'transfer-encoding': 'chunked' };
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () =>
        resolve({ text: Buffer.concat(chunks).toString(), trailers: reply.trailers }),
      );
    });
    sent.on('error', reject);
    sent.write('the body');
    sent.addTrailers({ 'x-summ': '42' });
    sent.end();
  });
}

test('are read, set and removed, and pass on', async () => {
  await using folder = new TestFolder();
  folder.write(
    'terrafirma.toml',
    '[[middleware]]\nfor = "/echo.wasm/*"\nuse = ["links/one.wasm", "links/two.wasm"]\n',
  );
  folder.write('links/one.wasm', await trailerHandler('x-summ'));
  folder.write('links/two.wasm', await trailerHandler('x-more'));
  folder.put('echo');
  await using daemon = await TestDaemon.start({ args: [folder.directory], threads: 1 });
  await waitFor(async () => {
    const { status } = await ask(daemon.port, '/echo.wasm');
    return status === 200 ? true : undefined;
  });
  const { text, trailers } = await send(daemon.port, '/echo.wasm');
  // The second finds what the first has added.
  expect(text.match(/^x-seen: .*$/gm)).toEqual(['x-seen: 42', 'x-seen: 1']);
  expect(text).toMatch(/\n\nthe body$/);
  // The second has removed nothing, and added; the first has added to that.
  expect(trailers).toEqual({ 'x-more': '1, 1' });
});
