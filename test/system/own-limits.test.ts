import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const settings = `
  [limits]
  cpu_ms = 20
  ["slow.wasm".limits]
  cpu_ms = 40
  ["large.wasm".limits]
  memory = "1 MiB"
  ["begins-large.wasm".limits]
  memory = "64 KiB"
  ["sleepy.wasm".limits]
  wall_ms = 50
  ["echo.wasm".limits]
  request_body = 10
`;

/** Sleeps for a minute. */
const sleeper = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))`;

describe('the limits of a folder’s owner', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.put('loop', 'loop.wasm');
    folder.put('loop', 'slow.wasm');
    folder.write('sleepy.wasm', await assemble(sleeper));
    folder.put('grow-forever', 'large.wasm');
    const large = sleeper.replace('"memory") 1', '"memory") 2');
    folder.write('begins-large.wasm', await assemble(large));
    for (const name of ['echo', 'hello']) folder.put(name);
    folder.write('terrafirma.toml', settings);
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('bound CPU time, of the folder and of one module', async () => {
    const folders = await ask(daemon.port, '/loop.wasm');
    expect(folders.status).toBe(504);
    expect(folders.text).toContain('the function reached its CPU limit of 20 ms');
    const own = await ask(daemon.port, '/slow.wasm');
    expect(own.text).toContain('the function reached its CPU limit of 40 ms');
    expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
  });

  test('bound memory, also what a module begins with', async () => {
    const grown = await ask(daemon.port, '/large.wasm');
    expect(grown.text).toBe('refused after 15 pages\n');
    for (let run = 0; run < 2; run += 1) {
      const large = await ask(daemon.port, '/begins-large.wasm');
      expect(large.text).toContain('the function reached its memory limit of 64 KiB');
    }
  });

  test('bound the time a run may take', async () => {
    const reply = await ask(daemon.port, '/sleepy.wasm');
    expect(reply.status).toBe(504);
    expect(reply.text).toContain('the function reached its wall-clock limit of 50 ms');
  });

  test('bound the body of a request, whether or not it says how long it is', async () => {
    const send = (body: string, headers = {}) =>
      ask(daemon.port, '/echo.wasm', { method: 'POST', body, headers });
    expect((await send('0123456789')).status).toBe(200);
    const declared = await send('0123456789a', { 'content-length': '11' });
    expect(declared.status).toBe(413);
    expect(declared.text).toContain('its body may have at most 10 bytes: received 11 bytes');
    const chunked = await send('0123456789a', { 'transfer-encoding': 'chunked' });
    expect(chunked.status).toBe(413);
    expect((await send('0123456789', { 'transfer-encoding': 'chunked' })).status).toBe(200);
  });
});
