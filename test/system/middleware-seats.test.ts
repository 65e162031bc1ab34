/** How many runs a site has at once where middleware stands before its modules. */
import { type ClientRequest, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noCallback, serviceGuest } from '../support/async-guests.ts';
import { answer, httpGuest } from '../support/component-guests.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { tagHandler } from '../support/handler-guests.ts';
import { ask } from '../support/http.ts';
import { pair, relayLink } from '../support/link-guests.ts';

/** Writes to its answer every 20 ms for as long as somebody takes it. */
const endless = httpGuest(`
  (data (i32.const 1024) "begun")
  (func (export "handle") (param i32 i32) (local $response i32) (local $body i32)
    (local.set $response (call $response (call $fields)))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $set (local.get 1) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $open (local.get $body) (i32.const 0))
    (loop $more
      (call $write-flush (i32.load (i32.const 4)) (i32.const 1024) (i32.const 5) (i32.const 16))
      (call $block (call $after (i64.const 20000000)))
      (br_if $more (i32.eqz (i32.load8_u (i32.const 16))))))`);

/** The same of WASI 0.3. */
const endless3 = serviceGuest(`
  (data (i32.const 512) "begun")
  (func (export "handle") (param i32) (result i32)
    (call $begin)
    (block $gone (loop $more
      (br_if $gone (i32.and (i32.const 1)
        (call $write-sync (global.get $out) (i32.const 512) (i32.const 5))))
      (call $sleep (i64.const 20000000))
      (br $more)))
    (i32.const 0))
  ${noCallback}`);

/** Waits before it answers: what answers at once has ended when its link goes on. */
const late = httpGuest(`
  (data (i32.const 1024) "late")
  ${answer}
  (func (export "handle") (param i32 i32)
    (call $block (call $after (i64.const 20000000)))
    (call $answer (local.get 1) (i32.const 1024) (i32.const 4)))`);

const settings = `
[[middleware]]
for = "/endless.wasm/*"
use = ["links/tag.wasm"]
[[middleware]]
for = "/paired.wasm/*"
use = ["links/pair.wasm"]
`;

describe('seats of a site with middleware', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  /** A request whose answer has begun, and whose link has ended; `destroy` ends it. */
  const begin = async (path = '/endless.wasm'): Promise<ClientRequest> =>
    await new Promise((resolve, reject) => {
      const asking = request({ host: '127.0.0.1', port: daemon.port, path });
      asking.on('error', reject);
      asking.on('response', (response) => {
        response.on('error', () => undefined);
        response.once('data', () => {
          asking.on('error', () => undefined);
          resolve(asking);
        });
      });
      asking.end();
    });

  const statusOf = async (path: string): Promise<number> => (await ask(daemon.port, path)).status;

  beforeAll(async () => {
    folder.write('terrafirma.toml', settings);
    folder.write('links/tag.wasm', await tagHandler());
    folder.write('links/pair.wasm', pair);
    folder.write('endless.wasm', endless);
    folder.write('alone.wasm', endless);
    folder.write('alone3.wasm', endless3);
    folder.write('paired.wasm', late);
    folder.put('hello');
    const env = {
      TERRAFIRMA_LIMITS_RUNS_PER_SITE_MAX: '2',
      TERRAFIRMA_LIMITS_QUEUED_RUNS_PER_SITE_MAX: '0',
      TERRAFIRMA_LIMITS_CLIENT_SHARE_PERCENT_MAX: '100',
      TERRAFIRMA_LIMITS_WALL_MS_MAX: '600000',
    };
    daemon = await TestDaemon.start({ args: [folder.directory], env, threads: 1 });
    await waitFor(async () => {
      const isThere = (await statusOf('/hello.wasm')) + (await statusOf('/paired.wasm')) === 400;
      if (!isThere) return undefined;
      const first = await begin();
      first.destroy();
      return true;
    }, 100_000);
    await waitFor(async () => ((await statusOf('/paired.wasm')) === 200 ? true : undefined));
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('what goes on behind a link that has ended has its seat', async () => {
    const one = await begin();
    expect(await statusOf('/hello.wasm')).toBe(200);
    const other = await begin();
    expect(await statusOf('/hello.wasm')).toBe(503);
    one.destroy();
    await waitFor(async () => ((await statusOf('/hello.wasm')) === 200 ? true : undefined));
    other.destroy();
  });

  test('a request that a link sends beside another needs a free seat', async () => {
    await waitFor(async () => ((await statusOf('/paired.wasm')) === 200 ? true : undefined));
    const one = await begin();
    expect(await statusOf('/paired.wasm')).toBe(503);
    expect(await statusOf('/hello.wasm')).toBe(200);
    one.destroy();
    await waitFor(async () => ((await statusOf('/paired.wasm')) === 200 ? true : undefined));
  });

  test.each(['/alone.wasm', '/alone3.wasm'])(
    '%s is told that its visitor has gone',
    async (path) => {
      await waitFor(async () => {
        const first = await begin(path).catch(() => undefined);
        first?.destroy();
        return first;
      });
      await waitFor(async () => ((await statusOf('/paired.wasm')) === 200 ? true : undefined));
      const asked = await Promise.all([begin(path), begin(path)]);
      expect(await statusOf('/hello.wasm')).toBe(503);
      for (const asking of asked) asking.destroy();
      await waitFor(async () => ((await statusOf('/hello.wasm')) === 200 ? true : undefined));
    },
  );
});

test('links with one run each that send to each other in opposite order answer all', async () => {
  using folder = new TestFolder();
  folder.write(
    'terrafirma.toml',
    `[[middleware]]
for = "/there.txt"
use = ["links/a.wasm", "links/b.wasm"]
[[middleware]]
for = "/back.txt"
use = ["links/b.wasm", "links/a.wasm"]
["links/a.wasm".limits]
runs = 1
["links/b.wasm".limits]
runs = 1
`,
  );
  folder.write('links/a.wasm', relayLink);
  folder.write('links/b.wasm', relayLink);
  folder.write('there.txt', 'there');
  folder.write('back.txt', 'back');
  const env = { TERRAFIRMA_LIMITS_WALL_MS_MAX: '600000' };
  await using daemon = await TestDaemon.start({ args: [folder.directory], env, threads: 1 });
  const statusOf = async (path: string): Promise<number> => (await ask(daemon.port, path)).status;
  await waitFor(async () => {
    const statuses = [await statusOf('/there.txt'), await statusOf('/back.txt')];
    return statuses.every((status) => status === 200) ? true : undefined;
  });
  const paths = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? '/there.txt' : '/back.txt'));
  const statuses = await Promise.all(paths.map(statusOf));
  // A link gives on what comes from behind it, and so the refusal.
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(statuses).toContain(200);
  expect([await statusOf('/there.txt'), await statusOf('/back.txt')]).toEqual([200, 200]);
}, 120_000);
