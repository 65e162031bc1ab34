import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeComponent } from '../support/component-bytes.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const streams = 'wasi:io/streams@0.2.0';
const types = 'wasi:filesystem/types@0.2.0';

/** Where each kind of thing stands among what is open from the start. */
const site = 0;
const tmp = 1;
const data = 2;
/** `open-flags` and `descriptor-flags`. */
const create = 1;
const directory = 2;
const read = 1;
const write = 2;
const mutateDirectory = 32;

/** A program that answers what `run` says, or `!` and the number of the error. */
function program(run: string, texts: string): Uint8Array {
  return makeComponent({
    wat: `(module
      (import "libc" "memory" (memory 1))
      (import "${streams}" "[method]output-stream.blocking-write-and-flush"
        (func $write-out (param i32 i32 i32 i32)))
      (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
      (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
      (import "${types}" "[method]descriptor.open-at"
        (func $open-at (param i32 i32 i32 i32 i32 i32 i32)))
      (import "${types}" "[method]descriptor.read" (func $read (param i32 i64 i64 i32)))
      (import "${types}" "[method]descriptor.write" (func $write (param i32 i32 i32 i64 i32)))
      (import "${types}" "[method]descriptor.rename-at"
        (func $rename-at (param i32 i32 i32 i32 i32 i32 i32)))
      (import "${types}" "[method]descriptor.read-via-stream" (func $via (param i32 i64 i32)))
      (import "${streams}" "[method]input-stream.blocking-read" (func $take (param i32 i64 i32)))
      (import "${types}" "[method]descriptor.get-flags" (func $get-flags (param i32 i32)))
      (import "${types}" "[method]descriptor.create-directory-at"
        (func $make (param i32 i32 i32 i32)))
      (import "${types}" "[method]descriptor.remove-directory-at"
        (func $remove (param i32 i32 i32 i32)))
      (import "${types}" "[resource-drop]descriptor" (func $drop (param i32)))
      (data (i32.const 1024) "content-type: text/plain\\0a\\0a!")
      ${texts}
      (global $out (mut i32) (i32.const 0))
      (global $failed (mut i32) (i32.const 0))
      (func $say (param i32 i32)
        (call $write-out (global.get $out) (local.get 0) (local.get 1) (i32.const 16)))
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
      (func $open (param $n i32) (param $path i32) (param $len i32) (param $how i32)
        (param $flags i32) (result i32)
        (call $open-at (call $directory (local.get $n)) (i32.const 1)
          (local.get $path) (local.get $len) (local.get $how) (local.get $flags) (i32.const 96))
        (if (i32.load8_u (i32.const 96))
          (then (call $fail (i32.load8_u (i32.const 100))) (return (i32.const -1))))
        (i32.load (i32.const 100)))
      (func $show (param $file i32)
        (if (i32.eq (local.get $file) (i32.const -1)) (then (return)))
        (call $read (local.get $file) (i64.const 1000) (i64.const 0) (i32.const 128))
        (if (i32.load8_u (i32.const 128))
          (then (call $fail (i32.load8_u (i32.const 132))) (return)))
        (call $say (i32.load (i32.const 132)) (i32.load (i32.const 136))))
      (func $put (param $file i32) (param $ptr i32) (param $len i32)
        (if (i32.eq (local.get $file) (i32.const -1)) (then (return)))
        (call $write (local.get $file) (local.get $ptr) (local.get $len) (i64.const 0)
          (i32.const 160))
        (if (i32.load8_u (i32.const 160)) (then (call $fail (i32.load8_u (i32.const 168))))))
      ;; The flags of a directory, as one letter from \`@\` on.
      (func $tell-flags (param $directory i32)
        (call $get-flags (local.get $directory) (i32.const 96))
        (if (i32.load8_u (i32.const 96)) (then unreachable))
        (i32.store8 (i32.const 1060) (i32.add (i32.const 64) (i32.load8_u (i32.const 97))))
        (call $say (i32.const 1060) (i32.const 1)))
      (func (export "run") (result i32)
        (local $file i32)
        (global.set $out (call $stdout))
        (call $say (i32.const 1024) (i32.const 26))
        ${run}
        (i32.const 0)))`,
    imports: {
      'wasi:io/error@0.2.0': [],
      'wasi:io/poll@0.2.0': [],
      [streams]: [
        '[method]output-stream.blocking-write-and-flush',
        '[method]input-stream.blocking-read',
      ],
      'wasi:clocks/wall-clock@0.2.0': [],
      'wasi:cli/stdout@0.2.0': ['get-stdout'],
      [types]: [
        '[method]descriptor.open-at',
        '[method]descriptor.read',
        '[method]descriptor.write',
        '[method]descriptor.rename-at',
        '[method]descriptor.read-via-stream',
        '[method]descriptor.get-flags',
        '[method]descriptor.create-directory-at',
        '[method]descriptor.remove-directory-at',
        '[resource-drop]descriptor',
      ],
      'wasi:filesystem/preopens@0.2.0': ['get-directories'],
    },
    exports: ['wasi:cli/run@0.2.0', 'run'],
  });
}

const opens = (where: number, path: string, how: number, flags: number): string =>
  `(call $open (i32.const ${where}) (i32.const 2048) (i32.const ${path.length})
    (i32.const ${how}) (i32.const ${flags}))`;
const named = (path: string, more = ''): string => `(data (i32.const 2048) "${path}") ${more}`;
const reads = (path: string): Uint8Array =>
  program(`(call $show ${opens(site, path, 0, read)})`, named(path));

const writes = (where: number, path: string): Uint8Array =>
  program(
    `(local.set $file ${opens(where, path, create, read | write)})
     (call $show (local.get $file))
     (call $put (local.get $file) (i32.const 3000) (i32.const 5))
     (call $show (local.get $file))
     (if (i32.ne (local.get $file) (i32.const -1)) (then (call $drop (local.get $file))))`,
    named(path, '(data (i32.const 3000) "kept.")'),
  );

/** A directory in /tmp, opened with these flags, in which one is made and removed again. */
const changes = (flags: number): Uint8Array =>
  program(
    `(call $make (call $directory (i32.const ${tmp})) (i32.const 2048) (i32.const 3) (i32.const 96))
     (local.set $file ${opens(tmp, 'sub', directory, flags)})
     (call $tell-flags (local.get $file))
     (call $make (local.get $file) (i32.const 2048) (i32.const 3) (i32.const 96))
     (if (i32.load8_u (i32.const 96)) (then (call $fail (i32.load8_u (i32.const 97)))))
     (call $remove (local.get $file) (i32.const 2048) (i32.const 3) (i32.const 96))
     (if (i32.load8_u (i32.const 96)) (then (call $fail (i32.load8_u (i32.const 97)))))`,
    named('sub'),
  );

const guests: Readonly<Record<string, Uint8Array>> = {
  'reads.wasm': reads('dir/hello.txt'),
  'streams.wasm': program(
    `(call $via ${opens(site, 'dir/hello.txt', 0, read)} (i64.const 2) (i32.const 192))
     (call $take (i32.load (i32.const 196)) (i64.const 100) (i32.const 208))
     (call $say (i32.load (i32.const 212)) (i32.load (i32.const 216)))`,
    named('dir/hello.txt'),
  ),
  'missing.wasm': reads('nothing'),
  'above.wasm': reads('../secret.txt'),
  'absolute.wasm': reads('/etc/passwd'),
  'slash.wasm': reads('dir/hello.txt/'),
  'directory.wasm': reads('dir'),
  'tmp.wasm': writes(tmp, 'a'),
  'data.wasm': writes(data, 'a'),
  'site.wasm': writes(site, 'new.txt'),
  'changes.wasm': changes(read),
  'mutates.wasm': changes(read | mutateDirectory),
  'flags.wasm': program(
    `(call $tell-flags (call $directory (i32.const ${site})))
     (call $tell-flags ${opens(site, 'dir', directory, read | mutateDirectory)})
     (call $tell-flags (call $directory (i32.const ${tmp})))`,
    named('dir'),
  ),
  'rename.wasm': program(
    `(call $rename-at (call $directory (i32.const ${site})) (i32.const 2048) (i32.const 13)
       (call $directory (i32.const ${tmp})) (i32.const 2048) (i32.const 3) (i32.const 96))
     (if (i32.load8_u (i32.const 96)) (then (call $fail (i32.load8_u (i32.const 97)))))`,
    named('dir/hello.txt'),
  ),
};

describe('files of components', () => {
  const parent = new TestFolder();
  const folder = new TestFolder(parent.path('served'));
  let daemon: TestDaemon;

  beforeAll(async () => {
    mkdirSync(folder.path('dir'), { recursive: true });
    folder.write('dir/hello.txt', 'hello');
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
    ['streams.wasm', 'llo'],
    // no-entry, not-permitted, not-directory, is-directory
    ['missing.wasm', '!20'],
    ['above.wasm', '!31'],
    ['absolute.wasm', '!31'],
    ['slash.wasm', '!24'],
    ['directory.wasm', '!14'],
    // read-only, cross-device or read-only
    ['site.wasm', '!33'],
    // What was asked for is told, and what may be changed is a matter of the place.
    ['changes.wasm', 'A'],
    ['mutates.wasm', 'a'],
    ['flags.wasm', 'AAa'],
  ])('%s answers %s', async (name, expected) => {
    expect(await answerOf(name)).toBe(expected);
  });

  test('nothing is moved out of the folder', async () => {
    expect(await answerOf('rename.wasm')).toMatch(/^!(?:33|36)$/);
    expect(await answerOf('reads.wasm')).toBe('hello');
  });

  test('what is written to /tmp is gone with the run, and to /data stays', async () => {
    expect(await answerOf('tmp.wasm')).toBe('kept.');
    expect(await answerOf('tmp.wasm')).toBe('kept.');
    expect(await answerOf('data.wasm')).toBe('kept.');
    expect(await answerOf('data.wasm')).toBe('kept.kept.');
  });
});
