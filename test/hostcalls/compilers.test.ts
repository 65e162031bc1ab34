/** The imports that compilers add: AssemblyScript's `abort`, Emscripten's notice of growth. */
import { expect, test } from 'vitest';
import { AbiHost } from '../support/abi-host.ts';
import { assemble } from '../support/abi-puppet.ts';

const END = 65_536;

async function createAborting(): Promise<AbiHost> {
  const wasm = await assemble(`(module
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))
    (memory (export "memory") 1)
    (func (export "abort") (param i32 i32 i32 i32)
      (call $abort (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "notify") (call $notify (i32.const 0)))
    (func (export "run")))`);
  const host = new AbiHost(wasm);
  host.begin();
  return host;
}

/** Lays a string out as AssemblyScript does, and answers its pointer. */
function putString(host: AbiHost, ptr: number, text: string): number {
  host.bytes.writeUInt32LE(text.length * 2, ptr - 4);
  host.bytes.write(text, ptr, 'utf16le');
  return ptr;
}

test('abort traps with message and place, and writes them to the log', async () => {
  const host = await createAborting();
  const message = putString(host, 0x100, 'grüße \u{1f600}');
  const file = putString(host, 0x200, 'assembly/index.ts');
  const text = 'abort: grüße \u{1f600} at assembly/index.ts:12:34';
  await expect(host.call('abort', message, file, 12, 34)).rejects.toThrow(text);
  expect(host.world.logLines).toEqual([`error ${text}`]);
});

test.each([
  ['null', 0, ''],
  ['an address without room for a length', 3, '?'],
  ['an address outside', END + 8, '?'],
  ['the top of the address space', -1, '?'],
  ['the end of memory, with an empty text', END, ''],
])('abort takes %s for a string', async (_what, ptr, text) => {
  const host = await createAborting();
  await expect(host.call('abort', ptr, 0, -1, 0)).rejects.toThrow(
    `abort: ${text} at :4294967295:0`,
  );
});

test('abort does not read a text that leaves memory', async () => {
  const host = await createAborting();
  host.bytes.writeUInt32LE(18, END - 20);
  await expect(host.call('abort', END - 16, 0, 0, 0)).rejects.toThrow('abort: ? at :0:0');
});

test('abort cuts a text after 1,024 characters', async () => {
  const host = await createAborting();
  const message = putString(host, 0x100, 'x'.repeat(1_025));
  await expect(host.call('abort', message, 0, 0, 0)).rejects.toThrow(
    `abort: ${'x'.repeat(1_024)} at :0:0`,
  );
});

test('abort before the first request traps too', async () => {
  const wasm = await assemble(`(module
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (memory (export "memory") 1)
    (func $start (call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (start $start)
    (func (export "run")))`);
  expect(() => new AbiHost(wasm)).toThrow(WebAssembly.RuntimeError);
});

test('a notice of growth is heard and changes nothing', async () => {
  const host = await createAborting();
  expect(await host.call('notify')).toBeUndefined();
});
