/** Modules that differ in nothing that is read of them: one program, many digests. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Digest } from '../../../src/names.ts';
import { glanceAt } from '../../../src/threads/ledger.ts';
import type { LoadedModule } from '../../../src/threads/messages.ts';
import { World } from '../../support/abi-world.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { Engine } from '../world.ts';

/** Looks at the clock, and answers with nothing. */
const guest = assemble(`(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\\18\\00\\00\\00\\0d\\00\\00\\00Status: 204\\n\\n")
  (func (export "_start")
    (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))))`);

/** The same with a custom section. */
function twinOf(number: number): Uint8Array {
  return Uint8Array.from([...guest, 0, 3, 1, 0x6e, number]);
}

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});
afterEach(() => engine[Symbol.dispose]());

/** Runs each in turn, and tells which module the ledger said was running. */
async function runAll(modules: readonly LoadedModule[]): Promise<readonly (Digest | undefined)[]> {
  const running: (Digest | undefined)[] = [];
  for (const [index, loaded] of modules.entries()) {
    const clock = {
      nowNs: () => {
        running.push(glanceAt(engine.ledger, 0).running);
        return 0n;
      },
    };
    const world = Object.assign(new World(), { clock });
    const { reply } = await engine.run(loaded, { siteKey: `/folder${index}`, world });
    expect(reply?.status).toBe(204);
  }
  return running;
}

test('twins have their guests in common, and each run is that of its own module', async () => {
  const modules = [1, 2, 3].map((number) => ({
    ...engine.load(twinOf(number)),
    twinKey: 'what is read of them',
  }));
  expect(await runAll(modules)).toEqual(modules.map(({ digest }) => digest));
  expect(new Set(modules.map(({ digest }) => digest)).size).toBe(3);
  expect(engine.pool.counts).toMatchObject({ created: 1 });
});

test('a twin takes the place of what serves only where it is faster', async () => {
  const twins = [1, 2, 3].map((number, index) => ({
    ...engine.load(twinOf(number)),
    isOptimised: index === 1,
    twinKey: 'what is read of them',
  }));
  const [slow, fast, slowest] = twins as [LoadedModule, LoadedModule, LoadedModule];
  await runAll([slow]);
  engine.pool.renew(fast);
  await runAll([slow]);
  expect(engine.pool.counts).toMatchObject({ created: 2 });
  for (const other of [slowest, { ...slowest, isOptimised: true }]) engine.pool.renew(other);
  await runAll([slow, fast, slowest]);
  expect(engine.pool.counts).toMatchObject({ created: 2 });
  engine.pool.renew({ ...slow, isOptimised: true });
  await runAll([slow]);
  expect(engine.pool.counts).toMatchObject({ created: 2 });
});

test('a twin that is compiled anew again and again costs nobody a guest', async () => {
  const [hers, his] = [1, 2].map((number) => ({
    ...engine.load(twinOf(number)),
    twinKey: 'what is read of them',
  })) as [LoadedModule, LoadedModule];
  // His is what serves: it was met first.
  await runAll([his, hers]);
  for (let count = 0; count < 10; count += 1) {
    engine.pool.renew({ ...his });
    await runAll([hers]);
  }
  expect(engine.pool.counts).toMatchObject({ created: 1 });
});

test('others have their own', async () => {
  const modules = [1, 2].map((number) => engine.load(twinOf(number)));
  expect(await runAll(modules)).toEqual(modules.map(({ digest }) => digest));
  expect(engine.pool.counts).toMatchObject({ created: 2 });
});
