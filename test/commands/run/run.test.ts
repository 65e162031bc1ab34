import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../support/abi-puppet.ts';
import { noCallback, serviceGuest } from '../../support/async-guests.ts';
import { fastlyProgram } from '../../support/fastly-guests.ts';
import { TestFolder } from '../../support/folder.ts';
import { runProgram } from '../program.ts';

function guest(name: string): string {
  return new URL(`../../guests/${name}.wasm`, import.meta.url).pathname;
}

test('the answer is on standard output, with 0', async () => {
  expect(await runProgram(['run', guest('hello')])).toEqual({
    code: 0,
    stdout: 'hello\n',
    stderr: '',
  });
});

test('a large memory that is given back is nobody’s business on standard error', async () => {
  using folder = new TestFolder();
  const module = await assemble(`(module
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 64)
    (data (i32.const 16) "large")
    (func (export "run")
      (drop (memory.grow (i32.const 400)))
      (drop (call $set (i32.const 0) (i32.const 16) (i32.const 5)))))`);
  folder.write('large.wasm', module);
  const { code, stderr, stdout } = await runProgram(['run', folder.path('large.wasm')]);
  expect([code, stdout, stderr]).toEqual([0, 'large', '']);
});

test('method, path, headers and body reach the guest', async () => {
  const argv = ['--path', '/x?y=1', '--method', 'PUT', '--header', 'A: b', '--data', 'body'];
  const { code, stdout } = await runProgram(['run', guest('echo'), ...argv]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^PUT \/x\?y=1$/m);
  expect(stdout).toMatch(/^a: b$/m);
  expect(stdout).toMatch(/\n\nbody$/);
});

test('the body may come from a file or standard input', async () => {
  using folder = new TestFolder();
  folder.write('body.txt', 'from a file');
  const file = await runProgram(['run', guest('echo'), '--data', `@${folder.path('body.txt')}`]);
  expect(file.stdout).toMatch(/^POST \//);
  expect(file.stdout).toMatch(/from a file$/);
  const piped = await runProgram(['run', guest('echo'), '--data', '@-'], { input: 'piped' });
  expect(piped.stdout).toMatch(/piped$/);
});

test('--include shows the head', async () => {
  const { stdout } = await runProgram(['run', guest('hello'), '--include']);
  expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-type: [^\r]*\r\n\r\nhello\n$/);
});

test('what the guest logs is on standard error', async () => {
  const { code, stderr } = await runProgram(['run', guest('debug')]);
  expect(code).toBe(0);
  expect(stderr).toContain('a debug line\n');
});

test('the key-value store works, and nothing of it stays', async () => {
  using folder = new TestFolder();
  const options = { environment: { TMPDIR: folder.directory } };
  const insert = ['run', guest('kv'), '--path', '/insert?k=v'];
  expect((await runProgram(insert, options)).code).toBe(0);
  expect(readdirSync(folder.directory)).toEqual([]);
});

describe('without a reply: why, with 1', () => {
  test.each([
    ['trap', 'The function failed (trapped)'],
    ['imports-unknown', 'unknown import "env" "nope"'],
  ])('%s', async (name, reason) => {
    const { code, stdout, stderr } = await runProgram(['run', guest(name)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(reason);
  });

  test('a trap is told with the lines of the sources, where the module has them', async () => {
    const { stderr } = await runProgram(['run', guest('debug/trap-5')]);
    expect(stderr).toMatch(/at divide \(0x[0-9a-f]+, trap\.c:10\)/);
    expect(stderr).toMatch(/at run \(0x[0-9a-f]+, trap\.c:20\)/);
  });

  test('a program that writes a text alone: what it wrote, and what it needs', async () => {
    using folder = new TestFolder();
    folder.write(
      'text.wasm',
      await assemble(`(module
        (import "wasi_snapshot_preview1" "fd_write"
          (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\\10\\00\\00\\00\\0e\\00\\00\\00")
        (data (i32.const 16) "Hello, World!\\0a")
        (func (export "_start")
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`),
    );
    const { code, stderr } = await runProgram(['run', folder.path('text.wasm')]);
    expect(code).toBe(1);
    expect(stderr).toContain('The function failed (refused)');
    expect(stderr).toContain('"Hello, World!\\n"');
    expect(stderr).toContain('cgi.text_plain = true');
  });

  test('a guest that never ends is ended', async () => {
    const environment = { TERRAFIRMA_LIMITS_THREAD_STUCK_MS: '500' };
    const { code, stderr } = await runProgram(['run', guest('loop')], { environment });
    expect(code).toBe(1);
    expect(stderr).toContain('The function failed (out-of-cpu)');
  });

  test('a body beyond its limit', async () => {
    const environment = { TERRAFIRMA_LIMITS_REQUEST_BODY_BYTES_MAX: '3' };
    const argv = ['run', guest('echo'), '--data', 'four'];
    const { code, stderr } = await runProgram(argv, { environment });
    expect(code).toBe(1);
    expect(stderr).toContain('at most 3 bytes: received 4');
  });
});

test.each([
  [['--path', 'x'], '--path must be a path'],
  [['--path', '/a b'], '--path must be a path'],
  [['--path', '/%zz'], 'path'],
  [['--method', 'GE T'], '--method must be an HTTP method'],
  [['--header', 'no colon'], '--header must be'],
  [['--header', 'a: b\nc: d'], '--header must be'],
  [['--header', 'host: a', '--header', 'host: b'], 'Host'],
  [['--data', '@/nonexistent/file'], 'ENOENT'],
])('%j is refused with 2', async (argv, sentence) => {
  const { code, stdout, stderr } = await runProgram(['run', guest('hello'), ...argv]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(sentence);
  expect(stderr.trimEnd()).not.toContain('\n');
});

describe('--folder: as the folder would serve it', () => {
  test('has what the fastly.toml of the folder says, stores included', async () => {
    using folder = new TestFolder();
    folder.put('fastly-stores', 'app.wasm');
    folder.write('note.txt', 'planted');
    folder.write(
      'fastly.toml',
      '[local_server.kv_stores]\nnotes = [{ key = "k", file = "note.txt" }]\n' +
        '[[local_server.secret_stores.s]]\nkey = "a"\nenv = "PATH"\n',
    );
    const look = (op: string, store: string, key: string) =>
      ['op', 'store', 'key'].flatMap((name, at) => [
        ...['--header', `${name}: ${[op, store, key][at]}`],
      ]);
    const options = { workingDirectory: folder.directory };
    const argv = ['run', 'app.wasm', '--folder', '.'];
    const found = await runProgram([...argv, ...look('g', 'notes', 'k')], options);
    expect([found.code, found.stdout]).toEqual([0, '01planted']);
    expect(found.stderr).toContain('the environment variable PATH is not among secrets.variables');
    folder.write('fastly.toml', '[local_server.kv_stores]\nnotes = [{ key = "k", file = "../x" }]');
    const wrong = await runProgram([...argv, ...look('g', 'notes', 'k')], options);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('fastly.toml:2: ');
  });

  /** Answers with its environment, then the beginning of /page.txt. */
  const program = `(module
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "Status: 200\\n\\npage.txt")
    (func (export "_start")
      (drop (call $environ (i32.const 1000) (i32.const 8192)))
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 113) (i32.const 8) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 40)))
      (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 13))
      (i32.store (i32.const 8) (i32.const 8192)) (i32.store (i32.const 12) (i32.const 2048))
      (i32.store (i32.const 16) (i32.const 16384)) (i32.store (i32.const 20) (i32.const 100))
      (drop (call $read (i32.load (i32.const 40)) (i32.const 16) (i32.const 1) (i32.const 44)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 3) (i32.const 48)))))`;

  test('with its settings, its files and its path', async () => {
    using folder = new TestFolder();
    folder.write('sub/a.wasm', await assemble(program));
    folder.write('page.txt', 'the page');
    folder.write('terrafirma.toml', '[env]\nA = "all"\n["sub/a.wasm".env]\nB = "own"\n');
    const options = { workingDirectory: folder.directory };
    const { code, stdout } = await runProgram(['run', 'sub/a.wasm', '--folder', '.'], options);
    expect(code).toBe(0);
    const variables = stdout.split('\0');
    expect(variables).toEqual(expect.arrayContaining(['A=all', 'B=own']));
    expect(variables).toContain('SCRIPT_NAME=/sub/a.wasm');
    expect(stdout).toContain('the page');
    const alone = await runProgram(['run', 'sub/a.wasm'], options);
    expect(alone.stdout.split('\0')).not.toContain('A=all');
    expect(alone.stdout).not.toContain('the page');
  });

  test('without the secrets that only a daemon opens', async () => {
    using folder = new TestFolder();
    folder.write('sub/a.wasm', await assemble(program));
    const secrets = '[secrets]\nA = "plain"\nB = "sealed:v1:00000000:AAAA"';
    folder.write('terrafirma.toml', `${secrets}\n["sub/a.wasm".secrets]\nC = "sealed:v1:x"`);
    const argv = ['run', 'sub/a.wasm', '--folder', folder.directory];
    const { code, stdout, stderr } = await runProgram(argv);
    expect(code).toBe(0);
    expect(stderr).toContain('Sealed secrets are left out');
    expect(stdout.split('\0')).toContain('A=plain');
    expect(stdout).not.toContain('sealed:');
  });

  test('by its path in the folder, which is the path of the request', async () => {
    using folder = new TestFolder();
    folder.put('echo', 'sub/echo.wasm');
    const argv = ['run', 'sub/echo.wasm', '--folder', folder.directory];
    const { code, stdout, stderr } = await runProgram(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^GET \/sub\/echo\.wasm$/m);
    const other = await runProgram([...argv, '--path', '/sub/echo.wasm/x']);
    expect(other.stdout).toMatch(/^GET \/sub\/echo\.wasm\/x$/m);
    const missing = await runProgram(['run', 'no.wasm', '--folder', folder.directory]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(
      /^Cannot run no\.wasm: it must be here or in the folder: received none at \S+ and \S+\n$/,
    );
    expect(missing.stderr).toContain(folder.path('no.wasm'));
  });

  test('refuses what the folder would not serve', async () => {
    using folder = new TestFolder();
    folder.put('hello', '.hidden/hello.wasm');
    folder.put('hello');
    for (const [file, directory] of [
      ['.hidden/hello.wasm', '.'],
      ['hello.wasm', '.hidden'],
      ['hello.wasm', 'nothing'],
    ] as const) {
      const options = { workingDirectory: folder.directory };
      const end = await runProgram(['run', file, '--folder', directory], options);
      expect(end).toMatchObject({ code: 2, stdout: '' });
    }
    folder.write('terrafirma.toml', '[hello.wasm]\n');
    const broken = await runProgram([
      'run',
      folder.path('hello.wasm'),
      '--folder',
      folder.directory,
    ]);
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toContain('terrafirma.toml');
    folder.remove('terrafirma.toml');
    folder.write('terrafirma.toml/x', '');
    const odd = await runProgram(['run', 'hello.wasm', '--folder', '.'], {
      workingDirectory: folder.directory,
    });
    expect(odd).toMatchObject({ code: 1, stdout: '' });
    expect(odd.stderr).toContain('must be a regular file');
  });
});

describe('--trace', () => {
  test('prints each hostcall with its arguments and its result, on standard error', async () => {
    const argv = ['--path', '/x?y=1', '--header', 'Cookie: a=b', '--trace'];
    const { code, stdout, stderr } = await runProgram(['run', guest('echo'), ...argv]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^GET \/x\?y=1$/m);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/\d+ µs/, 'µs'))).toEqual(
      expect.arrayContaining([
        'hostcall_req_get_path(request=0) → out="/x?y=1" (µs)',
        'hostcall_req_get_header(request=0, name="cookie") → out=["a=b"] (µs)',
      ]),
    );
    expect(lines.every((line) => /^hostcall_\w+\(.*\) (→ .* )?\(\d+ µs\)$/.test(line))).toBe(true);
  });

  test('names what WASI answers with', async () => {
    using folder = new TestFolder();
    const module = await assemble(`(module
      (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read"
        (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\20\\00\\00\\00\\20\\00\\00\\00")
      (data (i32.const 32) "Content-Type: text/plain\\n\\nhello\\n")
      (data (i32.const 128) "\\00\\01\\00\\00\\10\\00\\00\\00")
      (data (i32.const 144) "none.txt")
      (func (export "_start")
        (drop (call $read (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 136)))
        (drop (call $open (i32.const 3) (i32.const 1) (i32.const 144) (i32.const 8) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 136)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 136)))
        (call $exit (i32.const 0))))`);
    folder.write('cgi.wasm', module);
    const argv = ['run', folder.path('cgi.wasm'), '--data', 'abc', '--trace'];
    const { code, stderr } = await runProgram(argv);
    expect(code).toBe(0);
    expect(
      stderr
        .replaceAll(/\d+ µs/g, 'µs')
        .trimEnd()
        .split('\n'),
    ).toEqual([
      'fd_read(fd=0, iovs=[16 bytes]) → success, iovs="abc", nread=3 (µs)',
      'path_open(fd=3, dirflags=0x1, path="none.txt", oflags=0x0, rights_base=0x2, ' +
        'rights_inheriting=0x0, fdflags=0x0) → noent, opened=3 (µs)',
      'fd_write(fd=1, iovs=["Content-Type: text/plain\\n\\nhello\\n"]) → success, nwritten=32 (µs)',
      'proc_exit(code=0) → the run ends (µs)',
    ]);
  });

  test('names what programs for Fastly Compute are answered with', async () => {
    using folder = new TestFolder();
    const module = await fastlyProgram(`(call $ask)
      (drop (call $fastly_http_req.uri_get (i32.load (i32.const 0)) (i32.const 65536)
        (i32.const 4) (i32.const 20)))
      (drop (call $fastly_http_req.uri_get (i32.load (i32.const 0)) (i32.const 65536)
        (i32.const 99) (i32.const 20)))
      (call $answer (i32.const 201)) (call $header "Set-Cookie" "a=secret")
      (call $write "hello") (call $send (i32.const 0))`);
    folder.write('app.wasm', module);
    const argv = ['run', folder.path('app.wasm'), '--path', '/app.wasm/x', '--trace'];
    const { code, stdout, stderr } = await runProgram(argv);
    expect([code, stdout]).toEqual([0, 'hello']);
    expect(
      stderr
        .replaceAll(/\d+ µs/g, 'µs')
        .trimEnd()
        .split('\n'),
    ).toEqual([
      'http_req.body_downstream_get() → ok, request=0x0, body=1 (µs)',
      'http_req.uri_get(h=1, buf=4 bytes) → buflen, buf=18 bytes (µs)',
      'http_req.uri_get(h=1, buf=99 bytes) → ok, buf="http://localhost/x" (µs)',
      'http_resp.new() → ok, response=1 (µs)',
      'http_body.new() → ok, body=2 (µs)',
      'http_resp.status_set(h=1, status=201) → ok (µs)',
      'http_resp.header_insert(h=1, name="Set-Cookie", value="a=secret") → ok (µs)',
      'http_body.write(h=2, buf="hello", end=0) → ok, num_bytes=5 (µs)',
      'http_resp.send_downstream(h=1, b=2, streaming=0) → ok (µs)',
    ]);
  });

  test('names what the canonical ABI answers itself', async () => {
    using folder = new TestFolder();
    const text = '(data (i32.const 512) "hello")';
    const handle = `(func (export "handle") (param i32) (result i32)
      (call $begin) (call $say (i32.const 512) (i32.const 5)) (call $end) (i32.const 0))`;
    folder.write('app.wasm', serviceGuest(`${text} ${handle} ${noCallback}`));
    const argv = ['run', folder.path('app.wasm'), '--trace'];
    const { code, stdout, stderr } = await runProgram(argv);
    expect([code, stdout]).toEqual([0, 'hello']);
    const lines = stderr
      .replaceAll(/ \(\d+ µs\)/g, '')
      .trimEnd()
      .split('\n');
    expect(lines.filter((line) => !line.startsWith('wasi:'))).toEqual([
      'stream.new() → ends=(#2, #3)',
      'future.new() → ends=(#4, #5)',
      'task.return(result=ok(#4))',
      'stream.write(end=3, ptr=0x200, count=5) → code=80',
      'stream.drop-writable(end=3)',
      'future.write(end=5, ptr=0x100) → code=0',
      'future.drop-writable(end=5)',
    ]);
  });
});
