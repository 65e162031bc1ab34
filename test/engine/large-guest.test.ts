import { describe, expect, test } from 'vitest';
import { assemble } from '../../scripts/attack/assemble.ts';
import { FirstState } from '../../src/engine/restore/first-state.ts';
import { Engine } from './world.ts';

const PAGES = 1_600;
const BYTES = PAGES * 65_536;

/**
 * Answers "clean" unless it finds what a run before it wrote, into one card in 16 of memory 0 and
 * to the end of memory 1; the last byte of each is not zero in the first state.
 */
const largeGuest = await assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $body (param i32 i32 i32) (result i32)))
  (memory (export "memory") ${PAGES})
  (memory $other 256)
  (data (i32.const 16) "clean!")
  (data (i32.const ${BYTES - 1}) "x")
  (func $start (i32.store8 $other (i32.const 16777215) (i32.const 120)))
  (start $start)
  (func (export "run") (local $at i32) (local $found i32)
    (local.set $found (i32.load8_u $other (i32.const 16777214)))
    (i32.store8 $other (i32.const 16777214) (i32.const 1))
    (local.set $at (i32.const 65536))
    (loop $again
      (local.set $found (i32.or (local.get $found) (i32.load8_u (local.get $at))))
      (i32.store8 (local.get $at) (i32.const 1))
      (br_if $again (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 65536)))
        (i32.const ${BYTES}))))
    (local.set $found (i32.or (local.get $found)
      (i32.ne (i32.load8_u (i32.const ${BYTES - 1})) (i32.const 120))))
    (i32.store8 (i32.const ${BYTES - 1}) (i32.const 1))
    (drop (call $body
      (i32.const 0)
      (i32.add (i32.const 16) (local.get $found))
      (i32.sub (i32.const 5) (local.get $found))))))`);

describe('a guest with much memory', () => {
  test.each(['copy', 'cards', 'copy-on-write'] as const)(
    'is put back whole by %s',
    async (mode) => {
      using engine = new Engine({ restoreMode: mode });
      const loaded = engine.load(largeGuest);
      for (let run = 0; run < 3; run += 1) {
        expect((await engine.run(loaded)).text).toBe('clean');
        expect(engine.pool.idleCount).toBe(1);
        if (mode === 'copy') expect(engine.pool.idleBytes).toBeGreaterThan(BYTES);
        else expect(engine.pool.idleBytes).toBeLessThan(BYTES / 2);
      }
    },
  );

  test('is put back between the turns of others', async () => {
    using engine = new Engine({ restoreMode: 'copy' });
    const [large, small] = [engine.load(largeGuest), engine.load('hello')];
    const mallory = { owner: '/s/mallory', siteKey: '/s/mallory' };
    const alice = { owner: '/s/alice', siteKey: '/s/alice' };
    await engine.run(small, alice);
    await engine.run(large, mallory);
    const ended: string[] = [];
    const larges = engine.begin(large, mallory).report.then(() => ended.push('mallory'));
    const smalls = engine.run(small, alice).then(() => ended.push('alice'));
    await Promise.all([larges, smalls]);
    expect(ended).toEqual(['alice', 'mallory']);
  });

  test('has its first state taken in pieces, and shared where it is the same', () => {
    const [one, same, other] = [1, 1, 2].map((value) => {
      const memory = new WebAssembly.Memory({ initial: 64 });
      new Uint8Array(memory.buffer)[5] = value;
      return memory;
    }) as [WebAssembly.Memory, WebAssembly.Memory, WebAssembly.Memory];
    const take = (memory: WebAssembly.Memory, known?: FirstState): [FirstState, number] => {
      const steps = FirstState.take([memory], known);
      for (let pieces = 1; ; pieces += 1) {
        const step = steps.next();
        if (step.done === true) return [step.value, pieces];
      }
    };
    const [first, pieces] = take(one);
    expect(first.byteLength).toBe(4_096);
    expect(pieces).toBeGreaterThan(15);
    expect(take(same, first)[0]).toBe(first);
    expect(take(other, first)[0]).not.toBe(first);
  });
});
