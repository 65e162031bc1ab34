/** What an owner is refused while a guest is made is no matter of others with that program. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OwnerKey } from '../../../src/names.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { Engine } from '../world.ts';

interface Wish {
  /** An export that is called before any request; left out: it is the start function. */
  readonly initialise?: string;
  /** What is done where 64 pages more are not to be had. */
  readonly otherwise?: string;
}

/** Wants 64 pages more before any request, and answers with what it has. */
function greedy({ initialise, otherwise = '' }: Wish): Uint8Array {
  const [mark, start] =
    initialise === undefined ? ['', '(start $begin)'] : [`(export "${initialise}")`, ''];
  return assemble(`(module
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0x100) "littlemuch")
    (global $has (mut i32) (i32.const 0))
    (func $begin ${mark}
      (global.set $has (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))
      (if (i32.eqz (global.get $has)) (then ${otherwise})))
    ${start}
    (func (export "run")
      (if (global.get $has)
        (then (drop (call $set (i32.const 0) (i32.const 0x106) (i32.const 4))))
        (else (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 6)))))))`);
}

/** Of Mallory's module, by her own settings. */
const little = { memoryBytes: 1024 * 1024 };

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});
afterEach(() => engine[Symbol.dispose]());

test.each([
  ['a start function', {}],
  ['an initialisation', { initialise: 'wizer-initialize' }],
])('%s begins for others with what they may have', async (_, wish) => {
  const loaded = engine.load(greedy(wish));
  const mallory = await engine.run(loaded, { siteKey: '/mallory', limits: little });
  expect(mallory.text).toBe('little');
  expect((await engine.run(loaded, { siteKey: '/alice' })).text).toBe('much');
});

test('a start function that traps for want of memory runs once for others', async () => {
  const loaded = engine.load(greedy({ otherwise: 'unreachable' }));
  const mallory = await engine.run(loaded, { siteKey: '/mallory', limits: little });
  expect(mallory.report.outcome).toBe('out-of-memory');
  const { created } = engine.pool.counts;
  for (const siteKey of ['/alice', '/bob']) {
    expect((await engine.run(loaded, { siteKey })).text).toBe('much');
  }
  // Had it run in her run, she had grown the guest, and Bob could not have it.
  expect(engine.pool.counts.created).toBe(created + 1);
});

test('a guest that was refused what nobody may have is kept', async () => {
  using narrow = new Engine({ limits: { memoryBytesMax: little.memoryBytes } });
  const loaded = narrow.load(greedy({}));
  for (const siteKey of ['/alice', '/bob']) {
    expect((await narrow.run(loaded, { siteKey })).text).toBe('little');
  }
  expect(narrow.pool.counts.created).toBe(1);
});

test.each<[string, Wish]>([
  ['a start function', {}],
  ['an initialisation', { initialise: 'wizer-initialize' }],
  ['one that traps', { otherwise: 'unreachable' }],
])('what memory is too short for now is not kept: %s', async (_, wish) => {
  const mib = 1024 * 1024;
  using narrow = new Engine({ bytesMax: 16 * mib });
  const loaded = narrow.load(greedy(wish));
  const share = narrow.account.shareOf('/mallory' as OwnerKey);
  share.charge('memory', 7 * mib);
  const mallory = await narrow.run(loaded, { siteKey: '/mallory' });
  expect(mallory.text).toBe(wish.otherwise === undefined ? 'little' : '');
  share.charge('memory', -7 * mib);
  const { created } = narrow.pool.counts;
  for (const siteKey of ['/mallory', '/alice']) {
    expect((await narrow.run(loaded, { siteKey })).text).toBe('much');
  }
  // What is initialised is initialised for each owner.
  const made = wish.initialise === undefined ? 1 : 2;
  expect(narrow.pool.counts.created).toBe(created + made);
});
