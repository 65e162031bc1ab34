import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { localQuantum, type MeteredModule, meterModule } from '../../../src/wasm/meter.ts';
import { assemble } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

const next = '(local.tee $n (i32.sub (local.get $n) (i32.const 1)))';
const note = '(i32.store (local.get $n) (i32.add (i32.load (local.get $n)) (i32.const 3)))';

/** Loops of few instructions; `$n` rounds, or one where it is 0. */
const loops: Readonly<Record<string, string>> = {
  'br_if back': `(loop $l ${note} (br_if $l ${next}))`,
  'br back': `(block $out (loop $l ${note} (br_if $out (i32.eqz ${next})) (br $l)))`,
  'left by a return': `(loop $l (if (i32.eqz ${next}) (then (return (local.get $m)))) (br $l))`,
  'left in the middle and at the end': `(block $out (loop $l
    (br_if $out (i32.eq (local.get $n) (local.get $m))) (br_if $l ${next})))`,
  'left for the label of a loop around it': `(local.set $m (i32.const 3)) (block $out (loop $outer
    (br_if $out (i32.eqz (local.tee $m (i32.sub (local.get $m) (i32.const 1)))))
    (loop $l (br_if $outer (i32.eqz (i32.and (local.get $n) (i32.const 7)))) (br_if $l ${next}))))`,
  'in a loop': `(local.set $m (i32.const 3)) (loop $outer (loop $l (br_if $l ${next}))
    (local.set $n (i32.const 2))
    (br_if $outer (local.tee $m (i32.sub (local.get $m) (i32.const 1)))))`,
  'with a condition that branches within': `(loop $l (block $in (br_if $in
    (i32.and (local.get $n) (i32.const 1))) ${note}) (br_if $l ${next}))`,
  'with both ways of a condition': `(loop $l
    (if (i32.and (local.get $n) (i32.const 2)) (then ${note}) (else (local.set $m (local.get $n))))
    (br_if $l ${next}))`,
  'with calls': `(loop $l (call $note (local.get $n)) (br_if $l ${next}))`,
  'with a call of a pointer': `(loop $l
    (call_indirect (param i32) (local.get $n) (i32.const 0)) (br_if $l ${next}))`,
  'with an operand beneath it': `(local.set $m (i32.add (local.get $n)
    (block (result i32) (i32.const 5) (loop $l (br_if $l ${next})))))`,
  'that nothing reaches': `(block $out (br $out) (loop $l (br_if $l ${next})))`,
  'whose end nothing reaches': `(block $out (loop $l ${note} (br $out) (br_if $l ${next})))`,
};

function moduleOf(body: string): Uint8Array<ArrayBuffer> {
  return assemble(`(module (memory (export "memory") 1) (table 1 funcref) (elem (i32.const 0) $note)
    (func $note (param $n i32) ${note})
    (func (export "run") (param $n i32) (result i32) (local $m i32) ${body} (local.get $m)))`);
}

function meter(bytes: Uint8Array<ArrayBuffer>, cards = false): MeteredModule {
  return meterModule(bytes, inspectModule(bytes), { cards });
}

function plainRun(bytes: Uint8Array<ArrayBuffer>) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { run, memory } = exports as { run: (n: number) => number; memory: WebAssembly.Memory };
  return (n: number) => [run(n), Buffer.from(memory.buffer).toString('latin1')] as const;
}

describe('loops that are written several times', () => {
  for (const [name, body] of Object.entries(loops)) {
    for (const cards of [false, true]) {
      test(`do what they did: ${name}${cards ? ', marked' : ''}`, () => {
        const bytes = moduleOf(body);
        const plain = plainRun(bytes);
        const host = new ReferenceHost(meter(bytes, cards), { quantum: localQuantum });
        const [memory] = host.memories;
        for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 1000, 3 * localQuantum]) {
          host.begin();
          const [result, bytesAfter] = plain(n);
          expect(host.call('run', n)).toBe(result);
          expect(Buffer.from(memory?.buffer ?? new ArrayBuffer(0)).toString('latin1')).toBe(
            bytesAfter,
          );
        }
      });
    }
  }

  const roundWeight = 5;
  const tightLoop = `(loop $l (br_if $l ${next}))`;

  test('are charged for each round, and for no more than a few that were not run', () => {
    const host = new ReferenceHost(meter(moduleOf(tightLoop)));
    for (let n = 1; n < 40; n++) {
      host.begin();
      host.call('run', n);
      const own = host.consumed - n * roundWeight;
      expect(own).toBeGreaterThanOrEqual(0);
      expect(own).toBeLessThan(64 + 24);
    }
  });

  test('ask the host as soon as others', () => {
    for (const body of [tightLoop, loops['with calls'] ?? '']) {
      const quantum = 50;
      const host = new ReferenceHost(meter(moduleOf(body)), { quantum });
      host.begin();
      host.call('run', 10 * localQuantum);
      expect(host.checkCount).toBeGreaterThan(20);
      expect(host.overdrawnMax).toBeLessThanOrEqual(localQuantum);
    }
  });

  test('can be ended', () => {
    const host = new ReferenceHost(meter(moduleOf(tightLoop)), { budget: 5 * localQuantum });
    host.begin();
    expect(() => host.call('run', 2 ** 30)).toThrow(WebAssembly.RuntimeError);
    expect(host.isKilled).toBe(true);
  });

  const sizeOf = (body: string): number => meter(moduleOf(body)).bytes.length;
  const padding = '(local.set $m (local.get $n))';

  test('are short ones that go back in one place', () => {
    const added = (inLoop: string, besides = '') =>
      sizeOf(`(block $out (loop $l ${inLoop} ${padding} ${besides} (br_if $l ${next})))`) -
      sizeOf(`(block $out (loop $l ${inLoop} ${besides} (br_if $l ${next})))`);
    const rounds = 4;
    expect(added('')).toBe(rounds * 4);
    expect(added('', '(br_if $l (local.get $n))')).toBe(4);
    // The length of the body may take a byte more.
    expect(added(padding.repeat(12))).toBeLessThan(6);
    expect(added('(loop $in (br_if $in (local.get $n)))')).toBe(4);
  });

  test('count as often for what a function may hold', () => {
    const locals = '(local i64)'.repeat(40_000);
    const within = (count: number) => {
      const body = `${locals} ${tightLoop.repeat(count)}`;
      const wat = `(module (func (export "run") (param $n i32) ${body}))`;
      return () => inspectModule(assemble(wat));
    };
    expect(within(9)).not.toThrow();
    expect(within(10)).toThrow('locals times control operators');
  });
});
