import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from 'vitest';
import {
  allocateForm,
  compileForms,
  optimisingBudgetOf,
} from '../../../src/deploy/build/compile.ts';
import { assemble } from '../../wasm/support/assemble.ts';

setFlagsFromString('--allow-natives-syntax');
const isOptimised = new Function('callee', 'return %IsTurboFanFunction(callee)');

const mib = 1024 * 1024;

/** A loop, in a module with so many bytes of data. */
function guestOf(dataBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    assemble(`(module
      (memory ${Math.ceil(dataBytes / 65_536)})
      (data (i32.const 0) "${'a'.repeat(dataBytes)}")
      (func (export "spin") (param i32)
        (loop $next
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          (br_if $next (local.get 0)))))`),
  );
}

function spinOf(form: Uint8Array<ArrayBuffer>): (rounds: number) => void {
  const verdict = compileForms({ ask: 'compile', id: 1, forms: [form], tier: 'optimised' });
  const [module] = verdict.kind === 'compiled' ? verdict.modules : [];
  if (module === undefined) throw new Error('Cannot test: the module must compile');
  const { spin } = new WebAssembly.Instance(module).exports;
  return spin as (rounds: number) => void;
}

describe('compileForms', () => {
  it('has functions of a large module optimised after fewer instructions', async () => {
    const large = spinOf(guestOf(4 * mib));
    const small = spinOf(guestOf(64));
    // Some 20 bytes a round: more than the budget of the one, and less than that of the other.
    large(60_000);
    small(60_000);
    while (!isOptimised(large)) await sleep(5);
    expect(isOptimised(small)).toBe(false);
    small(10_000_000);
    while (!isOptimised(small)) await sleep(5);
  });
});

describe('a form with room for its mark', () => {
  it.each(['baseline', 'optimised'] as const)('is compiled as any other: %s', (tier) => {
    const guest = guestOf(64);
    const form = allocateForm(guest.length);
    form.set(guest);
    const verdict = compileForms({ ask: 'compile', id: 1, forms: [form, guest], tier });
    const modules = verdict.kind === 'compiled' ? verdict.modules : [];
    expect(modules.map((module) => WebAssembly.Module.exports(module))).toEqual([
      [{ name: 'spin', kind: 'function' }],
      [{ name: 'spin', kind: 'function' }],
    ]);
    expect(form).toEqual(guest);
  });
});

describe('optimisingBudgetOf', () => {
  it("gives small programs V8's own budget, and large ones less, down to a bound", () => {
    expect(optimisingBudgetOf(1_000)).toBe(13_000_000);
    expect(optimisingBudgetOf(64 * 1024)).toBe(13_000_000);
    expect(optimisingBudgetOf(mib)).toBe(812_500);
    expect(optimisingBudgetOf(64 * mib)).toBe(200_000);
  });
});
