import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { localQuantum, meterModule } from '../../../src/wasm/meter.ts';
import { assemble, emitModule } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

const rounds = 10 * localQuantum;

const countDown = '(local.tee $n (i32.sub (local.get $n) (i32.const 1)))';

/** Loops without calls, left and gone round in every way; `$n` rounds each. */
const loops: Readonly<Record<string, string>> = {
  'br_if back': `(loop $l (br_if $l ${countDown})) (i32.const 7)`,
  'br back, br_if out of it': `(block $out
    (loop $l (br_if $out (i32.eqz ${countDown})) (br $l))) (i32.const 7)`,
  'both back': `(block $out (loop $l
    (br_if $l (i32.and ${countDown} (i32.const 3)))
    (br_if $out (i32.le_s (local.get $n) (i32.const 0)))
    (br $l))) (local.get $n)`,
  'a result': `(loop $l (result i32) (br_if $l ${countDown}) (i32.const 9))`,
  'a result carried out by a branch': `(block $out (result i32)
    (loop $l (drop (br_if $out (i32.const 5) (i32.eqz ${countDown}))) (br $l)) (i32.const 1))`,
  'a return within': `(loop $l (if (i32.eqz ${countDown}) (then (return (i32.const 3)))) (br $l))
    (i32.const 1)`,
  'br_table to itself, out of it and to the function': `(block $out (loop $l
      (br_if $out (i32.eqz ${countDown}))
      (block $in (br_table $in $l $l $out (i32.and (local.get $n) (i32.const 1))))
      (br $l)))
    (local.get $n)`,
  'br_table out of the function': `(drop (block $on (result i32) (loop $l
      (br_if $l (i32.gt_s ${countDown} (i32.const 2)))
      (br_table 2 $on (i32.const 4) (i32.eqz (local.get $n)))) (i32.const 1))) (i32.const 8)`,
  'a loop around it that the inner branch goes back to': `(block $out (loop $outer
      (br_if $out (i32.le_s (local.get $n) (i32.const 0)))
      (loop $l (br_if $l (i32.and ${countDown} (i32.const 7))) (br $outer))))
    (local.get $n)`,
  'code behind a branch within': `(block $out (loop $l
      (br_if $out (i32.eqz ${countDown})) (br $l) (br_if $out (i32.const 1)) (br $out)))
    (local.get $n)`,
};

/** A reference that is not null: ref.i31 (i32.const 1). */
const someRef = [0x41, 1, 0xfb, 28];

/**
 * Branches other than `br`, `br_if` and `br_table`, as bytes, where n is 3. Label 0 is an `if`,
 * 1 the loop, 2 the block around it, 3 a block around that which takes a reference.
 */
const crossings: Readonly<Record<string, readonly number[]>> = {
  'a clause of try_table': [0x1f, 0x40, 1, 2, 2, 0x08, 0, 0x0b],
  'the second clause of try_table': [0x1f, 0x40, 2, 0, 1, 0, 2, 2, 0x08, 0, 0x0b],
  'a clause that goes round': [
    ...[0x20, 0, 0x41, 1, 0x6b, 0x21, 0],
    ...[0x1f, 0x40, 1, 0, 0, 1, 0x08, 0, 0x0b],
  ],
  'a br beside a clause': [...[0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x08, 0, 0x0b, 0x0b, 0x0c, 2]],
  br_on_null: [0xd0, 0x70, 0xd5, 2, 0x1a],
  br_on_non_null: [...someRef, 0xd6, 3],
  br_on_cast: [...someRef, 0xfb, 24, 0, 3, 0x6e, 0x6c, 0x1a],
  br_on_cast_fail: [...someRef, 0xfb, 25, 0, 3, 0x6e, 0x6b, 0x1a],
};

/** run(n): counts down in a loop closed by br_if: 7 at its end, 5 or 9 by where it was left. */
function crossingModule(crossing: readonly number[]): Uint8Array<ArrayBuffer> {
  const isThree = [0x20, 0, 0x41, 3, 0x46, 0x04, 0x40];
  const goOn = [0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0];
  const loop = [0x03, 0x40, ...isThree, ...crossing, 0x0b, ...goOn, 0x0b];
  const out = [0x02, 0x40, ...loop, 0x41, 7, 0x0f, 0x0b, 0x41, 5, 0x0f];
  return emitModule({
    types: [
      [0x60, 1, 0x7f, 1, 0x7f],
      [0x60, 0, 0],
    ],
    functions: [0],
    tags: [
      [0, 1],
      [0, 1],
    ],
    exports: { run: 0 },
    bodies: [[0, 0x02, 0x6e, ...out, 0x0b, 0x1a, 0x41, 9, 0x0b]],
  });
}

describe('loops left to pay', () => {
  for (const [name, body] of Object.entries(loops)) {
    test(`do what they did: ${name}`, () => {
      const wat = `(module (func (export "run") (param $n i32) (result i32) ${body}))`;
      const bytes = assemble(wat);
      const original = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.run;
      const metered = meterModule(bytes, inspectModule(bytes), { cards: false });
      const host = new ReferenceHost(metered, { quantum: localQuantum });
      host.begin();
      expect(host.call('run', rounds)).toBe((original as (n: number) => number)(rounds));
      expect(host.checkCount).toBeGreaterThan(0);
      expect(host.consumed).toBeGreaterThanOrEqual(4 * rounds);
    });
  }

  for (const [name, crossing] of Object.entries(crossings)) {
    test(`do what they did: ${name} within`, () => {
      const bytes = crossingModule(crossing);
      const original = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.run;
      const wanted = [5, 2].map((n) => (original as (n: number) => number)(n));
      for (const cards of [false, true]) {
        const host = new ReferenceHost(meterModule(bytes, inspectModule(bytes), { cards }));
        host.begin();
        expect([5, 2].map((n) => host.call('run', n))).toEqual(wanted);
      }
    });
  }

  test('pay a round once, however heavy it is', () => {
    const weight = 2 * localQuantum;
    const heavy = '(local.set $n (i32.add (local.get $n) (i32.const 0)))'.repeat(weight / 4);
    const wat = `(module (func (export "run") (param $n i32)
      (loop $l ${heavy} (br_if $l ${countDown}))))`;
    const host = new ReferenceHost(
      meterModule(assemble(wat), inspectModule(assemble(wat)), { cards: false }),
    );
    host.begin();
    host.call('run', 100);
    expect(host.consumed).toBeGreaterThanOrEqual(100 * weight);
    expect(host.consumed).toBeLessThanOrEqual(102 * weight);
  });
});
