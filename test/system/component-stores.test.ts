import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeComponent } from '../support/component-bytes.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const streams = 'wasi:io/streams@0.2.0';
const before = {
  'wasi:io/error@0.2.0': [],
  'wasi:io/poll@0.2.0': [],
  [streams]: ['[method]output-stream.blocking-write-and-flush'],
  'wasi:cli/stdout@0.2.0': ['get-stdout'],
} as const;
const output = `
  (import "libc" "memory" (memory 1))
  (import "${streams}" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
`;
const head = `
  (data (i32.const 1024) "content-type: text/plain\\0a\\0a")
  (global $out (mut i32) (i32.const 0))
  (func $begin
    (global.set $out (call $stdout))
    (call $write (global.get $out) (i32.const 1024) (i32.const 26) (i32.const 16)))
  (func $say (param i32 i32)
    (call $write (global.get $out) (local.get 0) (local.get 1) (i32.const 16)))
  (func $digit (param i32)
    (i32.store8 (i32.const 1100) (i32.add (i32.const 48) (local.get 0)))
    (call $say (i32.const 1100) (i32.const 1)))
`;

interface Plan {
  readonly imports: Readonly<Record<string, readonly string[]>>;
  readonly wat: string;
  readonly run: string;
}

function program({ imports, wat, run }: Plan): Uint8Array {
  return makeComponent({
    wat: `(module ${output} ${wat} ${head}
      (func (export "run") (result i32) (call $begin) ${run} (i32.const 0)))`,
    imports: { ...before, ...imports },
    exports: ['wasi:cli/run@0.2.0', 'run'],
  });
}

/** Counts by two in the store of that name; answers the count, or `!` and the case of the error. */
function counter(draft: 'draft' | 'draft2', store: string): Uint8Array {
  const version = `0.2.0-${draft}`;
  return program({
    imports: {
      [`wasi:keyvalue/store@${version}`]: ['open', '[method]bucket.set', '[method]bucket.get'],
      [`wasi:keyvalue/atomics@${version}`]: ['increment'],
    },
    wat: `
      (import "wasi:keyvalue/store@${version}" "open" (func $open (param i32 i32 i32)))
      (import "wasi:keyvalue/store@${version}" "[method]bucket.set"
        (func $set (param i32 i32 i32 i32 i32 i32)))
      (import "wasi:keyvalue/store@${version}" "[method]bucket.get"
        (func $get (param i32 i32 i32 i32)))
      (import "wasi:keyvalue/atomics@${version}" "increment"
        (func $increment (param i32 i32 i32 i64 i32)))
      (data (i32.const 2048) "${store}")
      (data (i32.const 2100) "count")
      (data (i32.const 2200) "!")`,
    run: `
      (call $open (i32.const 2048) (i32.const ${store.length}) (i32.const 64))
      (if (i32.load8_u (i32.const 64))
        (then (call $say (i32.const 2200) (i32.const 1))
          (call $digit (i32.load8_u (i32.const 68))))
        (else
          (call $increment (i32.load (i32.const 68)) (i32.const 2100) (i32.const 5)
            (i64.const 2) (i32.const 128))
          (if (i32.load8_u (i32.const 128)) (then unreachable))
          (call $digit (i32.wrap_i64 (i64.load (i32.const 136))))
          ;; What it has stored is text.
          (call $get (i32.load (i32.const 68)) (i32.const 2100) (i32.const 5) (i32.const 160))
          (if (i32.or (i32.load8_u (i32.const 160)) (i32.eqz (i32.load8_u (i32.const 164))))
            (then unreachable))
          (call $say (i32.load (i32.const 168)) (i32.load (i32.const 172)))))`,
  });
}

/** Answers a value of the settings, and writes it to the log. */
const configured = program({
  imports: {
    'wasi:config/store@0.2.0-rc.1': ['get'],
    'wasi:logging/logging@0.1.0-draft': ['log'],
  },
  wat: `
    (import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))
    (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
    (data (i32.const 2048) "color")
    (data (i32.const 2100) "shop")`,
  run: `
    (call $get (i32.const 2048) (i32.const 5) (i32.const 64))
    (if (i32.or (i32.load8_u (i32.const 64)) (i32.eqz (i32.load8_u (i32.const 68))))
      (then unreachable))
    (call $log (i32.const 4) (i32.const 2100) (i32.const 4)
      (i32.load (i32.const 72)) (i32.load (i32.const 76)))
    (call $say (i32.load (i32.const 72)) (i32.load (i32.const 76)))`,
});

/** Answers a variable as Spin has them; \`!\` and the case of the error where there is none. */
function variable(name: string): Uint8Array {
  return program({
    imports: { 'fermyon:spin/variables@2.0.0': ['get'] },
    wat: `
      (import "fermyon:spin/variables@2.0.0" "get" (func $get (param i32 i32 i32)))
      (data (i32.const 2048) "${name}")
      (data (i32.const 2200) "!")`,
    run: `
      (call $get (i32.const 2048) (i32.const ${name.length}) (i32.const 64))
      (if (i32.load8_u (i32.const 64))
        (then (call $say (i32.const 2200) (i32.const 1))
          (call $digit (i32.load8_u (i32.const 68))))
        (else (call $say (i32.load (i32.const 68)) (i32.load (i32.const 72)))))`,
  });
}

const settings = `
[config]
color = "blue"
[secrets]
token = "s3cret"
[env]
PLACE = "here"
[kv.shared]
["denied.wasm".grants]
kv = false
`;

describe('stores and settings of components', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('terrafirma.toml', settings);
    folder.write('own.wasm', counter('draft', 'default'));
    folder.write('a.wasm', counter('draft', 'shared'));
    folder.write('b.wasm', counter('draft2', 'shared'));
    folder.write('none.wasm', counter('draft2', 'nowhere'));
    folder.write('denied.wasm', counter('draft', 'default'));
    folder.write('configured.wasm', configured);
    folder.write('token.wasm', variable('token'));
    folder.write('place.wasm', variable('place'));
    folder.write('unknown.wasm', variable('unknown'));
    folder.write('bad.wasm', variable('Bad-Name'));
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function answerOf(path: string): Promise<string> {
    return await waitFor(async () => {
      const { status, text } = await ask(daemon.port, path);
      if (status === 500) throw new Error(text);
      return status === 200 ? text : undefined;
    }, 100_000);
  }

  test('a module has a store of its own, by no name and by "default"', async () => {
    expect(await answerOf('/own.wasm')).toBe('22');
    expect(await answerOf('/own.wasm')).toBe('44');
    expect(await answerOf('/denied.wasm')).toBe('!1');
  });

  test('one that the folder names is shared, whatever the draft', async () => {
    expect(await answerOf('/a.wasm')).toBe('22');
    expect(await answerOf('/b.wasm')).toBe('44');
    expect(await answerOf('/none.wasm')).toBe('!0');
  });

  test('settings are read, and lines are logged', async () => {
    expect(await answerOf('/configured.wasm')).toBe('blue');
    const line = await daemon.waitForLog(({ msg }) => msg.includes('shop: blue'));
    expect(line.level).toBe('error');
  });

  test('variables of Spin are secrets, values and variables, by their names', async () => {
    expect(await answerOf('/token.wasm')).toBe('s3cret');
    expect(await answerOf('/place.wasm')).toBe('here');
    expect(await answerOf('/unknown.wasm')).toBe('!1');
    expect(await answerOf('/bad.wasm')).toBe('!0');
  });
});
