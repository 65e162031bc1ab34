/** Caches of two sites of one daemon: the same keys, and nothing in common. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { fastlyProgram } from '../support/fastly-guests.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

/** Answers 200 and the state of a lookup; who is obliged brings the object. */
const KEEP = `(drop (call $fastly_cache.transaction_lookup "key"
    (i32.const 0) (i32.const 0) (i32.const 20)))
  (drop (call $fastly_cache.get_state (i32.load (i32.const 20)) (i32.const 24)))
  (if (i32.eq (i32.load (i32.const 24)) (i32.const 8)) (then
    (i64.store (i32.const 40) (i64.const 60000000000))
    (i32.store (i32.const 80) (i32.const 1028))
    (i32.store (i32.const 84) (i32.const 3))
    (drop (call $fastly_cache.transaction_insert (i32.load (i32.const 20))
      (i32.const 32) (i32.const 40) (i32.const 28)))
    (drop (call $fastly_http_body.close (i32.load (i32.const 28))))))
  (call $answer (i32.add (i32.const 200) (i32.load (i32.const 24))))
  (call $send (i32.const 0))`;
const PURGE = `(call $answer (i32.const 200))
  (drop (call $fastly_purge.purge_surrogate_key "key" (i32.const 0) (i32.const 0)))
  (call $send (i32.const 0))`;
const OBLIGED = 208;
const FOUND = 203;

const mount = new TestFolder();
let dns: DnsServer;
let daemon: TestDaemon;

beforeAll(async () => {
  dns = await startDnsServer({
    '_keybase_pages.alice.example': { txt: ['kbp=/keybase/public/alice'] },
    '_keybase_pages.bob.example': { txt: ['kbp=/keybase/public/bob'] },
  });
  for (const name of ['alice', 'bob']) {
    mkdirSync(mount.path(`public/${name}`), { recursive: true });
    writeFileSync(mount.path(`public/${name}/keep.wasm`), await fastlyProgram(KEEP));
    writeFileSync(mount.path(`public/${name}/purge.wasm`), await fastlyProgram(PURGE));
  }
  daemon = await TestDaemon.start({
    args: ['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
  });
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await dns.close();
  mount[Symbol.dispose]();
});

test('hold the same key apart, and purge their own alone', async () => {
  const status = async (name: string, path: string): Promise<number> =>
    (await ask(daemon.port, path, { host: `${name}.example` })).status;
  for (const name of ['alice', 'bob']) {
    await waitFor(
      async () => ((await status(name, '/purge.wasm')) === 200 ? true : undefined),
      50_000,
    );
    expect(await waitFor(async () => await known(status, name), 50_000)).toBe(OBLIGED);
    expect(await status(name, '/keep.wasm')).toBe(FOUND);
  }
  expect(await status('alice', '/purge.wasm')).toBe(200);
  expect(await status('bob', '/keep.wasm')).toBe(FOUND);
  expect(await status('alice', '/keep.wasm')).toBe(OBLIGED);
}, 120_000);

/** The first answer of the module, once it is there. */
async function known(
  status: (name: string, path: string) => Promise<number>,
  name: string,
): Promise<number | undefined> {
  const answer = await status(name, '/keep.wasm');
  return answer < 400 ? answer : undefined;
}
