/** Limits of the configuration that only a whole daemon crosses. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const NOSPC = 51;
const CHUNK_BYTES = 1_000;

/**
 * Writes chunks to `tmp/a` until it is refused, then makes files until that is refused, and answers
 * with both counts and both errors, a letter or a byte each from `0` on.
 */
const TMP_FILLER = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "tmp/a")
  (data (i32.const 3000) "Content-Type: text/plain\\n\\n    ")
  (func $create (result i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 2048) (i32.const 5)
      (i32.const 1) (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 12)))
  (func $send (param $fd i32) (param $ptr i32) (param $len i32) (result i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len))
    (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func (export "_start") (local $fd i32) (local $error i32)
    (i32.store (i32.const 3026) (i32.const 0x30303030))
    (drop (call $create))
    (local.set $fd (i32.load (i32.const 12)))
    (block $full (loop $again
      (local.set $error (call $send (local.get $fd) (i32.const 8192) (i32.const ${CHUNK_BYTES})))
      (br_if $full (local.get $error))
      (i32.store8 (i32.const 3026) (i32.add (i32.load8_u (i32.const 3026)) (i32.const 1)))
      (br $again)))
    (i32.store8 (i32.const 3027) (i32.add (local.get $error) (i32.const 48)))
    (block $full (loop $again
      (i32.store8 (i32.const 2052) (i32.add (i32.load8_u (i32.const 2052)) (i32.const 1)))
      (local.set $error (call $create))
      (br_if $full (local.get $error))
      (i32.store8 (i32.const 3028) (i32.add (i32.load8_u (i32.const 3028)) (i32.const 1)))
      (br $again)))
    (i32.store8 (i32.const 3029) (i32.add (local.get $error) (i32.const 48)))
    (drop (call $send (i32.const 1) (i32.const 3000) (i32.const 30)))))`;

test('bounds the bytes and the files of a program’s /tmp, for every run anew', async () => {
  using folder = new TestFolder();
  folder.write('fill.wasm', await assemble(TMP_FILLER));
  await using daemon = await TestDaemon.start({
    args: [folder.directory],
    threads: 1,
    env: {
      TERRAFIRMA_LIMITS_TMP_BYTES_PER_RUN_MAX: '5000',
      TERRAFIRMA_LIMITS_TMP_NODES_PER_RUN_MAX: '8',
    },
  });
  for (let run = 0; run < 2; run += 1) {
    const { text } = await ask(daemon.port, '/fill.wasm');
    const [chunks = 0, chunkError, files = 0, fileError] = [...Buffer.from(text, 'latin1')].map(
      (byte) => byte - 48,
    );
    // What a file costs besides its bytes is of the limits, too.
    expect(chunks).toBeGreaterThan(2);
    expect(chunks).toBeLessThanOrEqual(5);
    expect(files).toBeGreaterThan(2);
    expect(files).toBeLessThanOrEqual(7);
    expect([chunkError, fileError]).toEqual([NOSPC, NOSPC]);
  }
});

test('bounds how long requests may go on after SIGTERM', async () => {
  using folder = new TestFolder();
  folder.put('echo');
  await using daemon = await TestDaemon.start({
    args: [folder.directory],
    env: { TERRAFIRMA_LIMITS_DRAIN_MS: '200', TERRAFIRMA_LIMITS_BODY_IDLE_TIMEOUT_MS: '600000' },
  });
  const socket = connect({ host: '127.0.0.1', port: daemon.port });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.write('POST /echo.wasm HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf');
  // The server has the head once it has answered a later connection.
  for (let round = 0; round < 5; round += 1) await ask(daemon.port, '/echo.wasm');
  expect(await daemon.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  await closed;
});
