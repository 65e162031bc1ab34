import { expect, test } from 'vitest';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine } from './world.ts';

/** Answers "awake" after it has waited for the key-value store, so many calls deep. */
function deepGuest(calls: number): Uint8Array<ArrayBuffer> {
  return assemble(`(module
    (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0x100) "awake")
    (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
    (func $wait (param $calls i32) (result i32)
      (if (result i32) (local.get $calls)
        (then
          (i32.add (local.get $calls) (call $wait (i32.sub (local.get $calls) (i32.const 1)))))
        (else
          (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5)))))
    (func (export "run")
      (drop (call $wait (i32.const ${calls})))
      (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 5)))))`);
}

class LateStore extends MapKeyValue {
  override get(): Promise<undefined> {
    return new Promise((resolve) => setImmediate(() => resolve(undefined)));
  }
}

class LateWorld extends World {
  override readonly keyValue = new LateStore();
}

test('a guest has a stack of 8,000 small calls at least, on which it can wait', async () => {
  using engine = new Engine();
  const { report, text } = await engine.run(engine.load(deepGuest(8_000)), {
    world: new LateWorld(),
  });
  expect(report.error).toBeUndefined();
  expect(text).toBe('awake');
});

test('beyond its stack a guest traps, and the next run has a whole one', async () => {
  using engine = new Engine();
  const { report } = await engine.run(engine.load(deepGuest(10_000_000)));
  expect(report).toMatchObject({
    outcome: 'trapped',
    error: { code: 'guest-trapped', detail: expect.stringContaining('call stack') },
  });
  const next = await engine.run(engine.load(deepGuest(8_000)), { world: new LateWorld() });
  expect(next.text).toBe('awake');
});
