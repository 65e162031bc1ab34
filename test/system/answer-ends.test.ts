/** Every way in which an answer that has begun can end: the client can tell, and comes again. */
import { once } from 'node:events';
import { truncateSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { TestAuthority } from '../support/acme-authority.ts';
import { protocols, tell } from '../support/answer-clients.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { parseAnswers } from '../support/plain-listener.ts';
import { tlsPortOf } from '../support/secure-daemon.ts';

const HEAD = 'Content-Type: text/plain\\0a\\0a';
const DAY_MS = 86_400_000;
const FILE_BYTES = 32 * 1024 * 1024;

/** A program that answers with 128 KiB, which is sent on at once, and then ends as `rest` says. */
function program(rest: string): Promise<Uint8Array> {
  return assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 3)
    (data (i32.const 1024) "${HEAD}")
    (func $print (param $ptr i32) (param $len i32)
      (i32.store (i32.const 0) (local.get $ptr))
      (i32.store (i32.const 4) (local.get $len))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start")
      (call $print (i32.const 1024) (i32.const 26))
      (call $print (i32.const 65536) (i32.const 65536))
      (call $print (i32.const 65536) (i32.const 65536))
      ${rest}))`);
}

const endings: Readonly<Record<string, string>> = {
  trap: 'unreachable',
  exit: '(call $exit (i32.const 3))',
  cpu: '(loop $more (br $more))',
  // A clock, relative, of a minute: the subscription at 64, its event at 128.
  wall: `(i32.store (i32.const 80) (i32.const 1)) (i64.store (i32.const 88) (i64.const 60000000000))
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 8)))`,
  large: '(loop $more (call $print (i32.const 65536) (i32.const 65536)) (br $more))',
};

describe('an answer that has begun', () => {
  const folder = new TestFolder();
  const keys = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    for (const [name, rest] of Object.entries({ whole: '', ...endings })) {
      folder.write(`${name}.wasm`, await program(rest));
    }
    const nowMs = Date.now();
    const { chainPem, keyPem } = new TestAuthority().issueWithKey('site.test', {
      notBeforeMs: nowMs - DAY_MS,
      notAfterMs: nowMs + DAY_MS,
    });
    keys.write('chain.pem', chainPem);
    keys.write('key.pem', keyPem);
    daemon = await TestDaemon.start({
      args: [
        folder.directory,
        ...['--tls-listen', '127.0.0.1:0'],
        ...['--tls-certificate', `${keys.path('chain.pem')}=${keys.path('key.pem')}`],
      ],
      env: {
        TERRAFIRMA_TLS_REDIRECTS: 'false',
        TERRAFIRMA_LIMITS_WALL_MS_MAX: '3000',
        TERRAFIRMA_LIMITS_REPLY_BODY_BYTES_MAX: '4194304',
      },
    });
    await waitFor(async () => {
      const { status } = await ask(daemon.port, '/whole.wasm');
      return status === 200 ? true : undefined;
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
    keys[Symbol.dispose]();
  });

  describe.each(protocols)('over %s', (protocol) => {
    test.each(Object.keys(endings))('is told as broken off: %s', async (name) => {
      const ports = { plain: daemon.port, tls: tlsPortOf(daemon) };
      const told = await tell(protocol, ports, `/${name}.wasm`);
      expect(told).toMatchObject({ end: 'broken' });
      const next = await tell(protocol, ports, '/whole.wasm');
      expect(next).toMatchObject({ end: 'whole', status: 200 });
      expect(next.text).toHaveLength(2 * 65_536);
    });
  });

  test('is told as broken off when its file shrinks', async () => {
    folder.write('large.bin', Buffer.alloc(FILE_BYTES, 'x'));
    const socket = connect({ host: '127.0.0.1', port: daemon.port });
    const chunks: Buffer[] = [];
    socket.on('error', () => socket.destroy());
    socket.write('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable');
    truncateSync(folder.path('large.bin'), 1_000);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    const [answer] = parseAnswers(Buffer.concat(chunks).toString('latin1'));
    expect(answer).toMatchObject({ status: 200, isWhole: false });
    expect((await ask(daemon.port, '/large.bin')).body).toHaveLength(1_000);
  });
});
