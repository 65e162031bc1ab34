/**
 * Guests that try to run past the meter. Work is counted by the guest itself, in a global that
 * every innermost round raises: between two checks it may rise by the quantum and a small bound,
 * whatever shape the code has. No clock is asked.
 */
import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../src/wasm/inspect.ts';
import {
  callQuantum,
  callWeight,
  localQuantum,
  meterModule,
  residueMax,
} from '../../src/wasm/meter.ts';
import { ReferenceHost } from '../wasm/support/reference-host.ts';
import { emitGuest, endless, moduleOf, raise, rounds, step } from './endless.ts';

const quantum = 50_000;
const budget = 2_000_000;

interface Watched {
  readonly host: ReferenceHost;
  /** Most the guest's own count rose between two checks. */
  readonly workMax: () => number;
}

function watch(
  bytes: Uint8Array<ArrayBuffer>,
  options: { cards?: boolean; budget?: number } = {},
): Watched {
  const metered = meterModule(bytes, inspectModule(bytes), { cards: options.cards ?? false });
  let before = 0;
  let most = 0;
  const readWork = (): number => {
    const work = host.instance.exports.work;
    return work instanceof WebAssembly.Global ? Number(work.value) : 0;
  };
  const onCheck = (): void => {
    most = Math.max(most, readWork() - before);
    before = readWork();
  };
  const host = new ReferenceHost(metered, { quantum, budget, ...options, onCheck });
  host.begin();
  return {
    host,
    workMax: () => {
      onCheck();
      return most;
    },
  };
}

/** Runs `run` until the budget ends it, and answers the most work between two checks. */
function exhaust(bytes: Uint8Array<ArrayBuffer>, options: { cards?: boolean } = {}): number {
  const { host, workMax } = watch(bytes, options);
  expect(() => host.call('run')).toThrow(WebAssembly.RuntimeError);
  expect(host.isKilled).toBe(true);
  expect(host.checkCount).toBeGreaterThanOrEqual(budget / quantum / 2);
  return workMax();
}

/** One round of work is several instructions, so this bound is generous to the guest. */
const workBound = quantum + localQuantum + residueMax;

describe('endless code is checked in time', () => {
  for (const [name, bytes] of endless) {
    test(name, () => {
      expect(exhaust(bytes)).toBeLessThanOrEqual(workBound);
    });
  }

  test('a loop closed through throw_ref', () => {
    // loop; block (result exnref); try_table (catch_all_ref 0); raise; throw 0 … throw_ref inside
    const inner = [0x02, 0x69, 0x1f, 0x40, 1, 3, 0, ...raise, 0x08, 0, 0x0b, 0x00, 0x0b];
    const run = [0x03, 0x40, 0x1f, 0x40, 1, 2, 0, ...inner, 0x0a, 0x0b, 0x0b];
    const bytes = emitGuest([run], { tags: [[0, 0]] });
    const { host, workMax } = watch(bytes);
    expect(() => host.call('run')).toThrow(WebAssembly.RuntimeError);
    expect(workMax()).toBeLessThanOrEqual(workBound);
  });

  test('with cards as well', () => {
    const body = `(memory 1) (func (export "run") (loop $l ${step}
      (i32.store offset=8 (i32.const 100) (i32.const 1)) (br $l)))`;
    expect(exhaust(moduleOf(body), { cards: true })).toBeLessThanOrEqual(workBound);
  });
});

describe('code that ends, but late, is checked in time', () => {
  test('calls that double at every level', () => {
    const levels = Array.from(
      { length: 24 },
      (_, i) => `(func $f${i} (call $f${i + 1}) (call $f${i + 1}))`,
    );
    const body = `${levels.join('\n')} (func $f24 ${step})
      (func (export "run") (call $f0))`;
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound);
  });

  test('the same, where each level branches past its weight', () => {
    const levels = Array.from(
      { length: 24 },
      (_, i) => `(func $f${i} (block (call $f${i + 1}) (br_if 0 (i32.const 0)) (call $f${i + 1})))`,
    );
    const body = `${levels.join('\n')} (func $f24 ${step})
      (func (export "run") (call $f0))`;
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound);
  });

  test('a huge straight body, called again and again', () => {
    const body = `(func $long ${step.repeat(20_000)})
      (func (export "run") (loop $l (call $long) (br $l)))`;
    // A straight body is paid when it ends: its own length comes on top.
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound + 20_000);
  });

  test('a huge straight body between calls of itself', () => {
    const body = `(func $long (param $n i32) (if (i32.eqz (local.get $n)) (then (return)))
        ${step.repeat(1000)}
        (call $long (i32.sub (local.get $n) (i32.const 1)))
        (call $long (i32.sub (local.get $n) (i32.const 1))))
      (func (export "run") (call $long (i32.const 30)))`;
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound);
  });

  test('the start section', () => {
    const bytes = moduleOf(`(func $spin (loop $l ${step} (br $l))) (start $spin)`);
    const { host, workMax } = watch(bytes);
    expect(() => host.start()).toThrow(WebAssembly.RuntimeError);
    expect(host.isKilled).toBe(true);
    expect(workMax()).toBeLessThanOrEqual(workBound);
  });
});

describe('recursion', () => {
  test('that never returns ends with the stack or the budget', () => {
    const { host, workMax } = watch(moduleOf(`(func $run (export "run") ${step} (call $run))`));
    expect(() => host.call('run')).toThrow();
    expect(workMax()).toBeLessThanOrEqual(200_000 * callWeight);
  });

  test('piles up no more than the residue in each frame', () => {
    const depth = 1000;
    const perFrame = 5000;
    const body = `(func $down (param $n i32) (local $i i32)
        ${rounds(perFrame)}
        (if (local.get $n) (then (call $down (i32.sub (local.get $n) (i32.const 1))))))
      (func (export "run") (loop $l (call $down (i32.const ${depth})) (br $l)))`;
    expect(perFrame).toBeGreaterThan(callQuantum);
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound + perFrame);
  });

  test('piles up no more in straight code', () => {
    const body = `(func $down (param $n i32)
        ${step.repeat(1000)}
        (if (local.get $n) (then (call $down (i32.sub (local.get $n) (i32.const 1))))))
      (func (export "run") (loop $l (call $down (i32.const 500)) (br $l)))`;
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound);
  });

  test('piles up no more through paths of different weight', () => {
    const heavy = `(if (local.get $n) (then ${step.repeat(100)}))`;
    const body = `(func $down (param $n i32)
        ${heavy.repeat(30)}
        (if (local.get $n) (then (call $down (i32.sub (local.get $n) (i32.const 1))))))
      (func (export "run") (loop $l (call $down (i32.const 500)) (br $l)))`;
    // Twelve instructions a step: 500 frames of 3000 steps each would be 1.5 million.
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound + (500 * residueMax) / 4);
  });

  test('of two functions in turn is checked in time', () => {
    const body = `(func $a (param $n i32) ${step}
        (if (local.get $n) (then (call $b (i32.sub (local.get $n) (i32.const 1)))
          (call $b (i32.sub (local.get $n) (i32.const 1))))))
      (func $b (param $n i32) ${step}
        (if (local.get $n) (then (call $a (i32.sub (local.get $n) (i32.const 1)))
          (call $a (i32.sub (local.get $n) (i32.const 1))))))
      (func (export "run") (call $a (i32.const 40)))`;
    expect(exhaust(moduleOf(body))).toBeLessThanOrEqual(workBound);
  });
});

describe('bulk operations are charged by amount, in pieces', () => {
  const mebibyte = 2 ** 20;
  const cases: Readonly<Record<string, string>> = {
    'memory.fill': '(memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864))',
    'memory.copy': '(memory.copy (i32.const 0) (i32.const 67108864) (i32.const 67108864))',
    'memory.copy upwards': '(memory.copy (i32.const 64) (i32.const 0) (i32.const 67108864))',
  };
  for (const [name, operation] of Object.entries(cases)) {
    test(name, () => {
      const { host } = watch(moduleOf(`(memory 2048) (func (export "run") ${operation})`), {
        budget: Number.POSITIVE_INFINITY,
      });
      host.call('run');
      expect(host.consumed).toBeGreaterThanOrEqual((64 * mebibyte) / 8);
      expect(host.overdrawnMax).toBeLessThanOrEqual(mebibyte / 8);
    });
  }

  test('table.fill and table.copy', () => {
    const body = `(table $t 50000 funcref)
      (func (export "run")
        (table.fill $t (i32.const 0) (ref.null func) (i32.const 50000))
        (table.copy $t $t (i32.const 0) (i32.const 10) (i32.const 40000)))`;
    const { host } = watch(moduleOf(body), { budget: Number.POSITIVE_INFINITY });
    host.call('run');
    expect(host.consumed).toBeGreaterThanOrEqual(90_000 * 16);
  });
});

describe('objects of the host heap', () => {
  test('arrays end at the allocation budget', () => {
    // type 1: array of mutable i64; loop { raise; 100_000 array.new_default; drop }
    const run = [0x03, 0x40, ...raise, 0x41, 0xa0, 0x8d, 6, 0xfb, 7, 1, 0x1a, 0x0c, 0, 0x0b];
    const bytes = emitGuest([run], { types: [[0x5e, 0x7e, 1]] });
    const { host } = watch(bytes);
    expect(() => host.call('run')).toThrow(WebAssembly.RuntimeError);
    expect(Number((host.instance.exports.work as WebAssembly.Global).value)).toBeLessThan(45);
  });

  test('structs end at the allocation budget', () => {
    const bytes = emitGuest([[0x03, 0x40, 0xfb, 1, 1, 0x1a, 0x0c, 0, 0x0b]], {
      types: [[0x5f, 1, 0x7e, 1]],
    });
    const { host } = watch(bytes);
    expect(() => host.call('run')).toThrow(WebAssembly.RuntimeError);
    expect(host.consumed).toBeLessThanOrEqual(2 * budget);
  });

  test('one array larger than the budget is never made', () => {
    const bytes = emitGuest([[0x41, 0xff, 0xff, 0xff, 0xff, 7, 0xfb, 7, 1, 0x1a]], {
      types: [[0x5e, 0x78, 1]],
    });
    const { host } = watch(bytes);
    expect(() => host.call('run')).toThrow(/unreachable/);
  });
});
