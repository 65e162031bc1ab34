import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw, statusOf } from '../support/http.ts';

const IMPORTS = `
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (func $print (param $ptr i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))`;

/** A program that writes \`text\`, then does \`rest\`. */
function program(text: string, rest = ''): Promise<Uint8Array> {
  const bytes = Buffer.from(text);
  const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  return assemble(`(module ${IMPORTS}
    (data (i32.const 1024) "${escaped}")
    (func (export "_start")
      (call $print (i32.const 1024) (i32.const ${bytes.length}))
      ${rest}))`);
}

/** A module with the same imports, and exports that may print what stands at 1024. */
function reactor(text: string, exports: string): Promise<Uint8Array> {
  const escaped = Buffer.from(text).toString('hex').replaceAll(/../g, '\\$&');
  return assemble(`(module
    (import "env" "getTempRet0" (func $getBits (result i32)))
    (import "env" "setTempRet0" (func $setBits (param i32)))
    ${IMPORTS} (data (i32.const 1024) "${escaped}") ${exports})`);
}

/** Sends a request to `url`, and answers with why it failed. */
function sender(url: string): Promise<Uint8Array> {
  return assemble(`(module
    (import "http" "send-http-request"
      (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    ${IMPORTS}
    (data (i32.const 1024) "Content-Type: text/plain\\0a\\0a") (data (i32.const 2048) "${url}")
    (func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
    (func (export "_start")
      (call $send ${'(i32.const 0) '.repeat(8)}
        (i32.const 2048) (i32.const ${url.length}) (i32.const 16))
      (call $print (i32.const 1024) (i32.const 26))
      (call $print (i32.load (i32.const 24)) (i32.load (i32.const 28)))))`);
}

const HEAD = 'Content-Type: text/plain\n\n';
/** Copies input to output, up to 64 KiB at a time. */
const COPY = `(block $end (loop $more
  (i32.store (i32.const 0) (i32.const 65536))
  (i32.store (i32.const 4) (i32.const 65536))
  (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (br_if $end (i32.eqz (i32.load (i32.const 8))))
  (call $print (i32.const 65536) (i32.load (i32.const 8)))
  (br $more)))`;
const ENVIRONMENT = `
  (drop (call $environ (i32.const 4096) (i32.const 65536)))
  (call $print (i32.const 65536) (i32.const 2048))`;
/** Opens the file whose path, of 12 bytes, ends the text, and copies its first 64 KiB. */
const OPEN = `
  (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1050) (i32.const 12)
    (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
  (i32.store (i32.const 0) (i32.const 65536))
  (i32.store (i32.const 4) (i32.const 65536))
  (drop (call $read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8)))
  (call $print (i32.const 65536) (i32.load (i32.const 8)))`;
const LARGE = '(call $print (i32.const 65536) (i32.const 65536))';

describe('a WASI program behind the daemon', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('copy.wasm', await program(HEAD, COPY));
    folder.write('early.wasm', await program(HEAD, `${LARGE} ${COPY}`));
    folder.write('environment.wasm', await program(HEAD, ENVIRONMENT));
    folder.write('inside.wasm', await program('Location: /sub/page.txt?x=1\n\n'));
    folder.write('to-copy.wasm', await program('Location: /copy.wasm/x\n\n'));
    folder.write('round.wasm', await program('Location: /round.wasm\n\n'));
    for (const hop of [1, 2, 3, 4, 5, 6]) {
      const next = hop === 6 ? '/sub/page.txt' : `/hop${hop + 1}.wasm`;
      folder.write(`hop${hop}.wasm`, await program(`Location: ${next}\n\n`));
    }
    folder.write('away.wasm', await program('Location: https://example.test/\n\n'));
    folder.write('hidden.wasm', await program('Location: /.kbp_config\n\n'));
    folder.write('nothing.wasm', await program('Status: 204\n\n'));
    folder.write('opens.wasm', await program(`${HEAD}sub/page.txt`, OPEN));
    folder.write('breaks.wasm', await program(HEAD, `${LARGE} unreachable`));
    folder.write('bad-block.wasm', await program('Content-Type text\n\nbody'));
    folder.write('bad-name.wasm', await program('Content-Type: a\nX Y: b\n\nbody'));
    folder.write('no-block.wasm', await program('Content-Type text'));
    folder.write('fails.wasm', await program(`${HEAD}said much`, 'unreachable'));
    folder.write('plain.wasm', await program('no header block'));
    folder.write('sub/page.txt', 'the page');
    folder.put('interpreter', 'lua.wasm');
    folder.put('interpreter', 'bare.wasm');
    folder.write('app.lua', 'the program');
    folder.write('lib/index.html', 'a library');
    folder.write(
      'reactor.wasm',
      await reactor(
        `${HEAD}0`,
        `(func (export "_initialize") (i32.store8 (i32.const 1050) (i32.const 49)))
         (func (export "run")
           (i32.store8 (i32.const 1050) (i32.add (i32.load8_u (i32.const 1050)) (call $getBits)))
           (call $setBits (i32.const 1))
           (call $print (i32.const 1024) (i32.const 27)))`,
      ),
    );
    folder.write('sends.wasm', await sender('http://127.0.0.1:8080/'));
    folder.write(
      'both.wasm',
      await reactor(
        `${HEAD}0`,
        `(func (export "_initialize") (i32.store8 (i32.const 1050) (i32.const 49)))
         (func (export "_start") (call $print (i32.const 1024) (i32.const 27)))`,
      ),
    );
    folder.write(
      'terrafirma.toml',
      `private = ["/app.lua", "/lib/*"]
      [env]
      GREETING = "hello"
      ["plain.wasm"]
      cgi.text_plain = true
      ["lua.wasm"]
      args = ["/app.lua", "--own "]`,
    );
    daemon = await TestDaemon.start({ args: [folder.directory] });
    // The first verdicts may take their time on a busy machine.
    await waitFor(async () => {
      const { status } = await ask(daemon.port, '/plain.wasm');
      return status === 200 ? true : undefined;
    }, 50_000);
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('streams a body through, larger than what would be read whole', async () => {
    const body = Buffer.alloc(12 * 1024 * 1024, 'terrafirma ');
    const { status, body: echoed } = await ask(daemon.port, '/copy.wasm', {
      method: 'POST',
      body,
    });
    expect(status).toBe(200);
    expect(echoed.equals(body)).toBe(true);
  });

  test('has taken no more than it sent on to a visitor who takes nothing', async () => {
    const socket = connect({ host: '127.0.0.1', port: daemon.port });
    socket.pause();
    socket.write('POST /copy.wasm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let isBlocked = false;
    for (let sent = 0; sent < 1_000 && !isBlocked; sent += 1) {
      isBlocked = socket.writableLength > 8 * piece.length;
      if (!socket.write(piece)) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(isBlocked).toBe(true);
    expect((await ask(daemon.port, '/plain.wasm')).text).toBe('no header block');
    socket.destroy();
  });

  test('has the arguments that its owner gives it, and no visitor others', async () => {
    const told = await ask(daemon.port, '/lua.wasm?-e&os.getenv', {
      method: 'POST',
      body: 'os.getenv("API_KEY")',
    });
    expect(told.text).toBe('--own the program');
  });

  test('without arguments takes those of the request, and its body', async () => {
    expect((await ask(daemon.port, '/bare.wasm', { method: 'POST', body: 'x' })).text).toBe('x');
    expect((await ask(daemon.port, '/bare.wasm?/sub/page.txt&b')).text).toBe('bthe page');
  });

  test.each(['/app.lua', '/App.lua', '/lib/', '/lib/index.html', '/%61pp.lua'])(
    'does not share %s, which is private, with visitors',
    async (path) => {
      const told = await ask(daemon.port, path);
      const absent = await ask(daemon.port, '/absent.lua');
      expect([told.status, told.text.replaceAll(/\S+\n$/g, '')]).toEqual([
        404,
        absent.text.replaceAll(/\S+\n$/g, ''),
      ]);
    },
  );

  test('knows the length of a body that comes in chunks', async () => {
    const chunked = (size: number, count: number): string =>
      'POST /environment.wasm HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n' +
      `${`${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`.repeat(count)}0\r\n\r\n`;
    expect(await sendRaw(daemon.port, chunked(5_000, 3))).toContain('CONTENT_LENGTH=15000\0');
    expect(statusOf(await sendRaw(daemon.port, chunked(1_000_000, 11)))).toBe(413);
  });

  test('is a reactor that is initialized, and whose entry is called run', async () => {
    for (let visit = 0; visit < 3; visit += 1) {
      expect((await ask(daemon.port, '/reactor.wasm')).text).toBe('1');
    }
  });

  test('may send requests as the protocol wws has them, where requests may go', async () => {
    expect((await ask(daemon.port, '/sends.wasm')).text).toMatch(
      /^Cannot connect: .*127\.0\.0\.1[^\n]*$/,
    );
  });

  test('is a command although it could be initialized: _start does it all', async () => {
    expect((await ask(daemon.port, '/both.wasm')).text).toBe('0');
  });

  test('may answer before it reads: nothing else stands in its answer', async () => {
    const raw = await sendRaw(
      daemon.port,
      'POST /early.wasm HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n' +
        'Expect: 100-continue\r\n\r\nbody',
    );
    expect(statusOf(raw)).toBe(200);
    expect(raw).not.toContain('100 Continue');
    expect(raw).toContain('body');
  });

  test('is answered for by another path of its site', async () => {
    expect((await ask(daemon.port, '/inside.wasm')).text).toBe('the page');
    const posted = await ask(daemon.port, '/to-copy.wasm', { method: 'POST', body: 'gone' });
    expect([posted.status, posted.text]).toEqual([200, '']);
    const head = await ask(daemon.port, '/inside.wasm', { method: 'HEAD' });
    expect([head.status, head.headers['content-length']]).toEqual([200, '8']);
  });

  test('is answered for by the fifth path in turn, not by the sixth', async () => {
    expect((await ask(daemon.port, '/hop2.wasm')).text).toBe('the page');
    const { status, text } = await ask(daemon.port, '/hop1.wasm');
    expect(status).toBe(508);
    expect(text).toContain('redirected inside its site 5 times');
  });

  test('is not answered for without end, nor by what is never served', async () => {
    expect((await ask(daemon.port, '/round.wasm')).status).toBe(508);
    expect((await ask(daemon.port, '/hidden.wasm')).status).toBe(403);
    expect((await ask(daemon.port, '/round.wasm', { method: 'POST', body: 'x' })).status).toBe(508);
  });

  test.each(['GET', 'HEAD'])('that has nothing to say says no length: %s', async (method) => {
    const { status, headers } = await ask(daemon.port, '/nothing.wasm', { method });
    expect([status, headers['content-length']]).toEqual([204, undefined]);
  });

  test('opens a file of its folder', async () => {
    expect((await ask(daemon.port, '/opens.wasm')).text).toBe('sub/page.txtthe page');
  });

  test('sends a visitor elsewhere', async () => {
    const { status, headers } = await ask(daemon.port, '/away.wasm');
    expect([status, headers.location]).toEqual([302, 'https://example.test/']);
  });

  test('that fails before anything left is a 500, afterwards a broken answer', async () => {
    const { status, text } = await ask(daemon.port, '/fails.wasm');
    expect(status).toBe(500);
    expect(text).not.toContain('said');
    await expect(ask(daemon.port, '/breaks.wasm')).rejects.toThrow(/aborted|socket hang up|ECONN/);
    const line = await daemon.waitForLog(({ path }) => path === '/breaks.wasm');
    expect(line).toMatchObject({ outcome: 'trapped', errorCode: 'guest-trapped' });
  });

  test.each(['/bad-block.wasm', '/bad-name.wasm', '/no-block.wasm'])(
    'is refused, and has not trapped, when its header block is none: %s',
    async (path) => {
      expect((await ask(daemon.port, path)).status).toBe(500);
      const line = await daemon.waitForLog((each) => each.path === path);
      expect(line).toMatchObject({ outcome: 'refused', errorCode: 'bad-reply' });
    },
  );

  test('is told what the owner has set, until the settings are broken', async () => {
    expect((await ask(daemon.port, '/environment.wasm')).text).toContain('\0GREETING=hello\0');
    expect((await ask(daemon.port, '/plain.wasm')).text).toBe('no header block');
    folder.write('terrafirma.toml', '[env]\nGREETING = "changed"\n');
    await waitFor(async () => {
      const { text } = await ask(daemon.port, '/environment.wasm');
      return text.includes('\0GREETING=changed\0') ? true : undefined;
    });
    expect((await ask(daemon.port, '/plain.wasm')).status).toBe(500);
    folder.write('terrafirma.toml', 'GREETING\n');
    const broken = await waitFor(async () => {
      const reply = await ask(daemon.port, '/environment.wasm');
      return reply.status === 412 ? reply : undefined;
    });
    expect(broken.text).toContain(': must be TOML');
    // It may say who is served at all: until it can be read, nobody is.
    expect((await ask(daemon.port, '/sub/page.txt')).status).toBe(412);
    expect((await ask(daemon.port, '/terrafirma.toml')).status).toBe(403);
  });
});
