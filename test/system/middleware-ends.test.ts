/** What passes through middleware besides plain answers, and who is told when the visitor goes. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeComponent } from '../support/component-bytes.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { guard, relayLink } from '../support/link-guests.ts';
import { echoGuest } from '../support/websocket-guests.ts';

const streams = 'wasi:io/streams@0.2.0';

/** A program that says a line to the log, and sleeps for ten minutes where it has an argument. */
const sleepy = makeComponent({
  wat: `(module
    (import "libc" "memory" (memory 1))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "${streams}" "[method]output-stream.blocking-write-and-flush"
      (func $write (param i32 i32 i32 i32)))
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
      (func $after (param i64) (result i32)))
    (import "wasi:logging/logging" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
    (data (i32.const 1024) "content-type: text/plain\\0a\\0aawake")
    (data (i32.const 2048) "falls asleep")
    (func (export "run") (result i32)
      (call $arguments (i32.const 32))
      (if (i32.gt_u (i32.load (i32.const 36)) (i32.const 1)) (then
        (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 12))
        (call $block (call $after (i64.const 600000000000)))))
      (call $write (call $stdout) (i32.const 1024) (i32.const 31) (i32.const 16))
      (i32.const 0)))`,
  imports: {
    'wasi:io/error@0.2.0': [],
    'wasi:io/poll@0.2.0': ['[method]pollable.block'],
    [streams]: ['[method]output-stream.blocking-write-and-flush'],
    'wasi:clocks/monotonic-clock@0.2.0': ['subscribe-duration'],
    'wasi:logging/logging': ['log'],
    'wasi:cli/environment@0.2.0': ['get-arguments'],
    'wasi:cli/stdout@0.2.0': ['get-stdout'],
  },
  exports: ['wasi:cli/run@0.2.0', 'run'],
});

// One run at once: who comes next has its turn only when the one before has ended.
const settings = `
[[middleware]]
for = "/sleepy.wasm/*"
use = ["links/relay.wasm"]
[[middleware]]
for = "/echo.wasm/*"
use = ["links/guard.wasm"]
["sleepy.wasm".limits]
runs = 1
`;

describe('middleware, when things end', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('terrafirma.toml', settings);
    folder.write('links/relay.wasm', relayLink);
    folder.write('links/guard.wasm', guard);
    folder.write('sleepy.wasm', sleepy);
    folder.write('echo.wasm', await echoGuest());
    const env = { TERRAFIRMA_LIMITS_WALL_MS_MAX: '600000' };
    daemon = await TestDaemon.start({ args: [folder.directory], env, threads: 1 });
    await waitFor(async () => {
      const { text } = await ask(daemon.port, '/sleepy.wasm');
      return text === 'awake' ? true : undefined;
    }, 100_000);
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('a visitor who goes ends all that runs for the request', async () => {
    const asking = request({ host: '127.0.0.1', port: daemon.port, path: '/sleepy.wasm?long' });
    asking.on('error', () => undefined);
    asking.end();
    await daemon.waitForLog(({ msg }) => msg.includes('falls asleep'));
    asking.destroy();
    expect((await ask(daemon.port, '/sleepy.wasm')).text).toBe('awake');
  });

  test('a WebSocket passes a link that passes it on, and no other', async () => {
    const told = async (path: string): Promise<string> => {
      const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}${path}`);
      return await new Promise((resolve) => {
        socket.on('open', () => socket.send('hello'));
        socket.on('message', (data) => {
          resolve(String(data));
          socket.close();
        });
        socket.on('unexpected-response', (_request, response) => {
          response.resume();
          resolve(String(response.statusCode));
        });
      });
    };
    await waitFor(async () => ((await told('/echo.wasm/k')) === '404' ? undefined : true));
    expect(await told('/echo.wasm/k')).toContain('hello');
    expect(await told('/echo.wasm/other')).toBe('401');
  });
});
