/** Modules that send requests to their own site: none waits for a seat that only it could free. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const settings = `
["a.wasm".limits]
runs = 1
["b.wasm".limits]
runs = 1
["two.wasm".limits]
runs = 2
`;

describe.each([1, 2])('requests to the own site, on %i threads', (threads) => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  /** Each sends the request on to the next; the last answers. */
  const through = (...names: readonly string[]): string =>
    names
      .toReversed()
      .reduce(
        (rest, name) =>
          `/${name}.wasm${rest === '' ? '' : `?http://127.0.0.1:${daemon.port}${rest}`}`,
        '',
      );

  beforeAll(async () => {
    for (const name of ['a', 'b', 'two']) folder.put('fetch', `${name}.wasm`);
    folder.put('hello');
    folder.write('terrafirma.toml', settings);
    daemon = await TestDaemon.start({
      args: [folder.directory],
      threads,
      env: {
        TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8',
        TERRAFIRMA_LIMITS_WALL_MS_MAX: '600000',
        TERRAFIRMA_LIMITS_OUTBOUND_TIMEOUT_MS: '600000',
      },
    });
    for (const name of ['a', 'b', 'two']) {
      await waitFor(async () => {
        const { text } = await ask(daemon.port, through(name, 'hello'));
        return text === 'hello\n' ? true : undefined;
      });
    }
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test.each([
    ['to itself', ['a', 'a', 'a', 'hello']],
    ['to another and back', ['a', 'b', 'a', 'b', 'a', 'hello']],
  ])('%s: refused at once, with the reason', async (_what, names) => {
    const { status } = await ask(daemon.port, through(...names));
    expect(status).toBe(503);
    const line = await daemon.waitForLog(({ errorDetail }) =>
      String(errorDetail).includes('waits for this request itself'),
    );
    expect(line.errorCode).toBe('overloaded');
    expect((await ask(daemon.port, through('a', 'b', 'hello'))).text).toBe('hello\n');
  });

  test('of a crowd that has all seats some are refused, and nobody waits for good', async () => {
    const paths = Array.from({ length: 12 }, () => through('two', 'two', 'hello'));
    const replies = await Promise.all(paths.map((path) => ask(daemon.port, path)));
    const others = replies.filter(({ status }) => status !== 200 && status !== 503);
    expect(others).toEqual([]);
    expect((await ask(daemon.port, through('two', 'two', 'hello'))).text).toBe('hello\n');
  });
});
