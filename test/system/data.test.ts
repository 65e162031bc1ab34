/** `/data` of a WASI program, through the daemon: over restarts, kill -9, and runs at once. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

/**
 * Writes what it is sent to `/data/f`, where that is something, then does `rest`; then answers with
 * what the file holds. The last byte decides: `!` traps before the file is closed, `?` leaves it
 * open at the end, and anything else closes it.
 */
const program = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 1024) "Content-Type: text/plain\\0a\\0a")
  (data (i32.const 1100) "data/f")
  (data (i32.const 1200) "none")
  (func $put (param $fd i32) (param $ptr i32) (param $len i32) (result i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len))
    (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func $get (param $fd i32) (result i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
  (func $openFile (param $flags i32) (param $rights i64) (result i32)
    (call $open (i32.const 3) (i32.const 1) (i32.const 1100) (i32.const 6)
      (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 12)))
  (func (export "_start")
    (local $len i32) (local $fd i32) (local $last i32)
    (local.set $len (call $get (i32.const 0)))
    (drop (call $put (i32.const 1) (i32.const 1024) (i32.const 26)))
    (if (local.get $len) (then
      (local.set $last (i32.load8_u (i32.add (i32.const 65535) (local.get $len))))
      (if (call $openFile (i32.const 9) (i64.const 64)) (then unreachable))
      (local.set $fd (i32.load (i32.const 12)))
      (if (call $put (local.get $fd) (i32.const 65536) (local.get $len)) (then unreachable))
      (if (i32.eq (local.get $last) (i32.const 33)) (then unreachable))
      (if (i32.eq (local.get $last) (i32.const 63)) (then
        (drop (call $put (i32.const 1) (i32.const 1200) (i32.const 4)))
        (return)))
      (if (call $close (local.get $fd)) (then unreachable))))
    (if (call $openFile (i32.const 0) (i64.const 2))
      (then (drop (call $put (i32.const 1) (i32.const 1200) (i32.const 4))))
      (else
        (local.set $len (call $get (i32.load (i32.const 12))))
        (drop (call $put (i32.const 1) (i32.const 65536) (local.get $len)))))))`;

const toml = `
["app.wasm"]
data = true
["other.wasm"]
data = true`;

describe('a program with /data', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;
  const stateDirectory = mkdtempSync(join(tmpdir(), 'terrafirma-state-'));
  // A module that ends with the daemon, killed as it is here, would be suspected of it.
  const start = (): Promise<TestDaemon> =>
    TestDaemon.start({
      args: [folder.directory],
      threads: 2,
      stateDirectory,
      env: { TERRAFIRMA_LIMITS_PROBATION_MS: '0' },
    });
  const write = (body: string, module = 'app.wasm') =>
    ask(daemon.port, `/${module}`, { method: 'POST', body });
  const read = async (module = 'app.wasm') => (await ask(daemon.port, `/${module}`)).text;

  beforeAll(async () => {
    const bytes = await assemble(program);
    for (const name of ['app.wasm', 'other.wasm', 'plain.wasm']) folder.write(name, bytes);
    folder.write('terrafirma.toml', toml);
    daemon = await start();
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
    rmSync(stateDirectory, { recursive: true });
  });

  test('finds what the run before has stored, and nobody else does', async () => {
    expect(await read()).toBe('none');
    expect((await write('hello')).text).toBe('hello');
    expect(await read()).toBe('hello');
    expect(await read('other.wasm')).toBe('none');
    expect(existsSync(folder.path('data'))).toBe(false);
  });

  test('stores what a good end leaves open, and nothing of a bad one', async () => {
    await write('before');
    expect((await write('trap!')).status).toBe(500);
    expect(await read()).toBe('before');
    expect((await write('left open?')).text).toBe('none');
    expect(await read()).toBe('left open?');
  });

  test('without the setting there is no /data', async () => {
    expect((await write('x', 'plain.wasm')).status).toBe(500);
    expect(await read('plain.wasm')).toBe('none');
  });

  test('of many at once each reader sees one whole file', async () => {
    const texts = Array.from({ length: 24 }, (_, n) => String(n % 10).repeat(20_000));
    await write(texts[0] ?? '');
    const seen = await Promise.all(
      texts.flatMap((text) => [write(text).then((reply) => reply.text), read()]),
    );
    for (const text of seen) expect(texts).toContain(text);
  });

  test('kill -9 amid writes: what was answered is there, or what came after', async () => {
    for (let round = 0; round < 3; round += 1) {
      const mark = String(round);
      let answered = await read();
      const sent = new Set([answered]);
      let isKilled = false;
      const writing = (async () => {
        for (let n = 0; !isKilled; n += 1) {
          const text = `${mark}-${n} `.repeat(2_000);
          sent.add(text);
          const reply = await write(text).catch(() => undefined);
          if (reply?.status !== 200) return;
          answered = text;
        }
      })();
      await expect.poll(() => sent.size, { timeout: 30_000 }).toBeGreaterThan(5);
      isKilled = true;
      await daemon.stop('SIGKILL');
      await writing;
      const after = [...sent].slice([...sent].indexOf(answered));
      daemon = await start();
      expect(after).toContain(await read());
    }
  }, 120_000);
});
