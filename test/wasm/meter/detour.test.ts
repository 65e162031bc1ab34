import { describe, expect, it } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { localQuantum, meterModule } from '../../../src/wasm/meter.ts';
import { assemble } from '../support/assemble.ts';
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

describe('loops left to pay', () => {
  for (const [name, body] of Object.entries(loops)) {
    it(`do what they did: ${name}`, () => {
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

  it('pay a round once, however heavy it is', () => {
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
