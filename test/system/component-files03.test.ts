/** Files of components of WASI 0.3: what is read and written passes through streams. */
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leb, makeComponent, plainOptions, type TypeFinder } from '../support/component-bytes.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const types = 'wasi:filesystem/types@0.3.0';
const preopens = 'wasi:filesystem/preopens@0.3.0';
const stdout = 'wasi:cli/stdout@0.3.0';
const sockets = 'wasi:sockets/types@0.3.0';
const lookup = 'wasi:sockets/ip-name-lookup@0.3.0';

/** Where each kind of thing stands among what is open from the start. */
const site = 0;
const tmp = 1;
const data = 2;
/** `open-flags` and `descriptor-flags`. */
const create = 1;
const read = 1;
const write = 2;

/** Built-in functions: bytes, how files and outputs end, and entries. */
function canons({ index, func }: TypeFinder): Readonly<Record<string, readonly number[]>> {
  const result = (from: string, name: string): number[] => {
    const type = func(from, name).result;
    if (type === undefined) throw new TypeError(`Cannot make a guest: ${name} answers nothing`);
    return leb(index(type));
  };
  const item = (name: string, at: number): number[] => {
    const type = func(types, name).result;
    if (type?.kind !== 'tuple') throw new TypeError(`Cannot make a guest: ${name} is another`);
    const found = type.items[at];
    if (found === undefined) throw new TypeError(`Cannot make a guest: ${name} is another`);
    return leb(index(found));
  };
  const bytes = item('[method]descriptor.read-via-stream', 0);
  const entries = item('[method]descriptor.read-directory', 0);
  const fileEnd = result(types, '[method]descriptor.write-via-stream');
  const outputEnd = result(stdout, 'write-via-stream');
  return {
    'stream.new': [0x0e, ...bytes],
    'stream.read': [0x0f, ...bytes, ...plainOptions],
    'stream.write': [0x10, ...bytes, ...plainOptions],
    'stream.close': [0x14, ...bytes],
    'stream.close-reader': [0x13, ...bytes],
    'entries.read': [0x0f, ...entries, ...plainOptions],
    'entries.close': [0x13, ...entries],
    'file.end': [0x16, ...fileEnd, ...plainOptions],
    'output.end': [0x16, ...outputEnd, ...plainOptions],
  };
}

const methods = [
  'open-at',
  'read-via-stream',
  'write-via-stream',
  'append-via-stream',
  'read-directory',
  'stat-at',
  'is-same-object',
].map((name) => `[method]descriptor.${name}`);

/** A program that answers what `run` says, or `!` and the number of the error. */
function program(run: string, texts: string): Uint8Array {
  return makeComponent({
    wat: `(module
      (import "libc" "memory" (memory 1))
      (import "${stdout}" "write-via-stream" (func $put-out (param i32) (result i32)))
      (import "${preopens}" "get-directories" (func $directories (param i32)))
      (import "${types}" "[method]descriptor.open-at"
        (func $open-at (param i32 i32 i32 i32 i32 i32 i32)))
      (import "${types}" "[method]descriptor.read-via-stream" (func $via (param i32 i64 i32)))
      (import "${types}" "[method]descriptor.write-via-stream"
        (func $into (param i32 i32 i64) (result i32)))
      (import "${types}" "[method]descriptor.append-via-stream"
        (func $append (param i32 i32) (result i32)))
      (import "${types}" "[method]descriptor.read-directory" (func $list (param i32 i32)))
      (import "${types}" "[method]descriptor.stat-at"
        (func $stat-at (param i32 i32 i32 i32 i32)))
      (import "${types}" "[method]descriptor.is-same-object"
        (func $same (param i32 i32) (result i32)))
      (import "${types}" "[resource-drop]descriptor" (func $drop (param i32)))
      (import "${sockets}" "[static]tcp-socket.create" (func $tcp (param i32 i32)))
      (import "${sockets}" "[static]udp-socket.create" (func $udp (param i32 i32)))
      (import "${lookup}" "resolve-addresses" (func $resolve (param i32 i32 i32)))
      (import "canon" "stream.new" (func $stream (result i64)))
      (import "canon" "stream.read" (func $read (param i32 i32 i32) (result i32)))
      (import "canon" "stream.write" (func $write (param i32 i32 i32) (result i32)))
      (import "canon" "stream.close" (func $close (param i32)))
      (import "canon" "stream.close-reader" (func $close-reader (param i32)))
      (import "canon" "entries.read" (func $next (param i32 i32 i32) (result i32)))
      (import "canon" "entries.close" (func $close-entries (param i32)))
      (import "canon" "file.end" (func $file-end (param i32 i32) (result i32)))
      (import "canon" "output.end" (func $output-end (param i32 i32) (result i32)))
      (data (i32.const 1024) "content-type: text/plain\\0a\\0a!")
      ${texts}
      (global $failed (mut i32) (i32.const 0))
      ;; All of a stream.
      (func $pass (param $readable i32)
        (drop (call $output-end (call $put-out (local.get $readable)) (i32.const 16))))
      (func $say (param $ptr i32) (param $len i32)
        (local $ends i64) (local $done i32)
        (local.set $ends (call $stream))
        (local.set $done (call $put-out (i32.wrap_i64 (local.get $ends))))
        (local.set $ends (i64.shr_u (local.get $ends) (i64.const 32)))
        (drop (call $write (i32.wrap_i64 (local.get $ends)) (local.get $ptr) (local.get $len)))
        (call $close (i32.wrap_i64 (local.get $ends)))
        (drop (call $output-end (local.get $done) (i32.const 16))))
      ;; \`!\` and two digits, once; whatever follows says nothing.
      (func $fail (param $code i32)
        (if (global.get $failed) (then (return)))
        (global.set $failed (i32.const 1))
        (i32.store8 (i32.const 1051) (i32.add (i32.const 48)
          (i32.div_u (local.get $code) (i32.const 10))))
        (i32.store8 (i32.const 1052) (i32.add (i32.const 48)
          (i32.rem_u (local.get $code) (i32.const 10))))
        (call $say (i32.const 1050) (i32.const 3)))
      (func $directory (param $n i32) (result i32)
        (call $directories (i32.const 64))
        (if (i32.ge_u (local.get $n) (i32.load (i32.const 68))) (then unreachable))
        (i32.load (i32.add (i32.load (i32.const 64))
          (i32.mul (local.get $n) (i32.const 12)))))
      (func $open (param $n i32) (param $len i32) (param $how i32) (param $flags i32) (result i32)
        (call $open-at (call $directory (local.get $n)) (i32.const 1)
          (i32.const 2048) (local.get $len) (local.get $how) (local.get $flags) (i32.const 96))
        (if (i32.load8_u (i32.const 96))
          (then (call $fail (i32.load8_u (i32.const 100))) (return (i32.const -1))))
        (i32.load (i32.const 100)))
      ;; How the reading or writing of a file went.
      (func $check (param $done i32)
        (drop (call $file-end (local.get $done) (i32.const 128)))
        (if (i32.load8_u (i32.const 128))
          (then (call $fail (i32.load8_u (i32.const 132))))))
      (func $show (param $file i32) (param $at i64)
        (if (i32.eq (local.get $file) (i32.const -1)) (then (return)))
        (call $via (local.get $file) (local.get $at) (i32.const 112))
        (call $pass (i32.load (i32.const 112)))
        (call $check (i32.load (i32.const 116))))
      ;; Writes $len bytes at 3000 by one call that takes the stream.
      (func $put (param $file i32) (param $len i32) (param $appends i32)
        (local $ends i64) (local $done i32)
        (if (i32.eq (local.get $file) (i32.const -1)) (then (return)))
        (local.set $ends (call $stream))
        (local.set $done
          (if (result i32) (local.get $appends)
            (then (call $append (local.get $file) (i32.wrap_i64 (local.get $ends))))
            (else
              (call $into (local.get $file) (i32.wrap_i64 (local.get $ends)) (i64.const 0)))))
        (local.set $ends (i64.shr_u (local.get $ends) (i64.const 32)))
        (drop (call $write (i32.wrap_i64 (local.get $ends)) (i32.const 3000) (local.get $len)))
        (call $close (i32.wrap_i64 (local.get $ends)))
        (call $check (local.get $done)))
      (func (export "run") (result i32)
        (local $file i32)
        (call $say (i32.const 1024) (i32.const 26))
        ${run}
        (i32.const 0)))`,
    imports: {
      'wasi:cli/types@0.3.0': [],
      [stdout]: ['write-via-stream'],
      'wasi:clocks/types@0.3.0': [],
      'wasi:clocks/system-clock@0.3.0': [],
      [types]: [...methods, '[resource-drop]descriptor'],
      [preopens]: ['get-directories'],
      [sockets]: ['[static]tcp-socket.create', '[static]udp-socket.create'],
      [lookup]: ['resolve-addresses'],
    },
    canons,
    exports: ['wasi:cli/run@0.3.0', 'run'],
  });
}

const opens = (where: number, path: string, how: number, flags: number): string =>
  `(call $open (i32.const ${where}) (i32.const ${path.length})
    (i32.const ${how}) (i32.const ${flags}))`;
const named = (path: string, more = ''): string => `(data (i32.const 2048) "${path}") ${more}`;
const reads = (path: string, at = 0): Uint8Array =>
  program(`(call $show ${opens(site, path, 0, read)} (i64.const ${at}))`, named(path));

const writes = (where: number, path: string): Uint8Array =>
  program(
    `(local.set $file ${opens(where, path, create, read | write)})
     (call $show (local.get $file) (i64.const 0))
     (call $put (local.get $file) (i32.const 5) (i32.const 0))
     (call $put (local.get $file) (i32.const 1) (i32.const 1))
     (call $show (local.get $file) (i64.const 0))
     (if (i32.ne (local.get $file) (i32.const -1)) (then (call $drop (local.get $file))))`,
    named(path, '(data (i32.const 3000) "kept.")'),
  );

/** Says \`!\` and the code where the call has answered with an error at 96. */
const refused = (call: string): Uint8Array =>
  program(
    `${call}
     (if (i32.load8_u (i32.const 96)) (then (call $fail (i32.load8_u (i32.const 100)))))`,
    named('localhost'),
  );

const guests: Readonly<Record<string, Uint8Array>> = {
  'reads.wasm': reads('dir/hello.txt'),
  'from.wasm': reads('dir/hello.txt', 2),
  'beyond.wasm': reads('dir/hello.txt', 100),
  'large.wasm': reads('dir/large.txt'),
  'missing.wasm': reads('nothing'),
  'above.wasm': reads('../secret.txt'),
  'absolute.wasm': reads('/etc/passwd'),
  'directory.wasm': program(
    `(call $via ${opens(site, 'dir', 0, read)} (i64.const 0) (i32.const 112))
     (call $check (i32.load (i32.const 116)))`,
    named('dir'),
  ),
  'unwritable.wasm': program(
    `(call $put ${opens(site, 'dir/hello.txt', 0, read)} (i32.const 5) (i32.const 0))`,
    named('dir/hello.txt'),
  ),
  'lists.wasm': program(
    `(call $list ${opens(site, 'dir', 2, read)} (i32.const 112))
     ;; One entry, then the others, then the end.
     (if (i32.ne (call $next (i32.load (i32.const 112)) (i32.const 4000) (i32.const 1))
       (i32.const 0x10)) (then unreachable))
     (if (i32.ne (call $next (i32.load (i32.const 112)) (i32.const 4024) (i32.const 8))
       (i32.const 0x10)) (then unreachable))
     (if (i32.ne (call $next (i32.load (i32.const 112)) (i32.const 4048) (i32.const 8))
       (i32.const 1)) (then unreachable))
     (call $close-entries (i32.load (i32.const 112)))
     (call $check (i32.load (i32.const 116)))
     ;; Regular files.
     (if (i32.ne (i32.load8_u (i32.const 4000)) (i32.const 5)) (then unreachable))
     (call $say (i32.load (i32.const 4016)) (i32.load (i32.const 4020)))
     (call $say (i32.load (i32.const 4040)) (i32.load (i32.const 4044)))`,
    named('dir'),
  ),
  'no-list.wasm': program(
    `(call $list ${opens(site, 'dir/hello.txt', 0, read)} (i32.const 112))
     (call $check (i32.load (i32.const 116)))`,
    named('dir/hello.txt'),
  ),
  'stat.wasm': program(
    `(call $stat-at (call $directory (i32.const ${site})) (i32.const 1)
       (i32.const 2048) (i32.const 13) (i32.const 96))
     ;; A regular file of five bytes.
     (if (i32.or
       (i32.ne (i32.load8_u (i32.const 104)) (i32.const 5))
       (i64.ne (i64.load (i32.const 128)) (i64.const 5))) (then unreachable))
     (call $say (i32.const 2048) (i32.const 3))`,
    named('dir/hello.txt'),
  ),
  'same.wasm': program(
    `(if (i32.eqz (call $same ${opens(site, 'dir/hello.txt', 0, read)}
       ${opens(site, 'dir/hello.txt', 0, read)})) (then unreachable))
     (if (call $same ${opens(site, 'dir/hello.txt', 0, read)}
       (call $directory (i32.const ${site}))) (then unreachable))
     (call $say (i32.const 2048) (i32.const 3))`,
    named('dir/hello.txt'),
  ),
  'tmp.wasm': writes(tmp, 'a'),
  'data.wasm': writes(data, 'a'),
  'site.wasm': writes(site, 'new.txt'),
  'tcp.wasm': refused('(call $tcp (i32.const 0) (i32.const 96))'),
  'udp.wasm': refused('(call $udp (i32.const 0) (i32.const 96))'),
  'resolve.wasm': refused('(call $resolve (i32.const 2048) (i32.const 9) (i32.const 96))'),
};

describe('files of components of WASI 0.3', () => {
  const parent = new TestFolder();
  const folder = new TestFolder(parent.path('served'));
  const large = 'all of it, '.repeat(50_000);
  let daemon: TestDaemon;

  beforeAll(async () => {
    mkdirSync(folder.path('dir'), { recursive: true });
    folder.write('dir/hello.txt', 'hello');
    folder.write('dir/large.txt', large);
    folder.write('../secret.txt', 'a secret');
    folder.write('terrafirma.toml', '["data.wasm"]\ndata = true\n');
    for (const [name, bytes] of Object.entries(guests)) folder.write(name, bytes);
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    parent[Symbol.dispose]();
  });

  async function answerOf(name: string): Promise<string> {
    return await waitFor(async () => {
      const { status, text } = await ask(daemon.port, `/${name}`);
      if (status === 500) throw new Error(text);
      return status === 200 ? text : undefined;
    }, 100_000);
  }

  test.each([
    ['reads.wasm', 'hello'],
    ['from.wasm', 'llo'],
    ['beyond.wasm', ''],
    ['stat.wasm', 'dir'],
    ['same.wasm', 'dir'],
    // no-entry, not-permitted, is-directory, bad-descriptor or read-only, not-directory
    ['missing.wasm', '!19'],
    ['above.wasm', '!30'],
    ['absolute.wasm', '!30'],
    ['directory.wasm', '!13'],
    ['unwritable.wasm', '!32'],
    ['no-list.wasm', '!23'],
    // read-only
    ['site.wasm', '!32'],
    // Of sockets: not-supported, access-denied.
    ['tcp.wasm', '!01'],
    ['udp.wasm', '!01'],
    ['resolve.wasm', '!00'],
  ])('%s answers %s', async (name, expected) => {
    expect(await answerOf(name)).toBe(expected);
  });

  test('a file passes from its stream to the answer, however long it is', async () => {
    expect((await answerOf('large.wasm')) === large).toBe(true);
  });

  test('a directory is listed in as many pieces as the program takes', async () => {
    const names = await answerOf('lists.wasm');
    expect(['hello.txtlarge.txt', 'large.txthello.txt']).toContain(names);
  });

  test('what is written to /tmp is gone with the run, and to /data stays', async () => {
    expect(await answerOf('tmp.wasm')).toBe('kept.k');
    expect(await answerOf('tmp.wasm')).toBe('kept.k');
    expect(await answerOf('data.wasm')).toBe('kept.k');
    expect(await answerOf('data.wasm')).toBe('kept.kkept.kk');
  });
});
