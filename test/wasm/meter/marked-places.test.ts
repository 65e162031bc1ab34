import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { Random } from '../fuzz/random.ts';
import { assemble } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

const pages = 2;
const pageBytes = 65_536;
const cardBytes = 512;

function moduleOf(body: string): string {
  return `(module (memory (export "memory") ${pages}) (tag $t)
    (func $other (param $a i32) (i32.store offset=8 (local.get $a) (i32.const 77)))
    (func (export "run") (param $bits i32) (local $a0 i32) (local $a1 i32) (local $a2 i32)
      (local $n0 i32) (local $n1 i32) (local $n2 i32) (local $n3 i32) ${body}))`;
}

function meter(wat: string): ReferenceHost {
  const bytes = assemble(wat);
  const host = new ReferenceHost(meterModule(bytes, inspectModule(bytes), { cards: true }));
  for (const memory of host.memories) new Uint8Array(memory.buffer).fill(0xa5);
  host.capture();
  return host;
}

/** How often the code marks a card. */
function countMarks(host: ReferenceHost): number {
  const code = Buffer.from(host.metered.bytes);
  const mark = Buffer.from([0x41, 9, 0x76, 0x41, 1, 0x3a, 0x40]);
  let count = 0;
  for (let at = code.indexOf(mark); at >= 0; at = code.indexOf(mark, at + 1)) count += 1;
  // That of `$other`.
  return count - 1;
}

/** The offset of the first byte that a run left behind; -1 where all were put back. */
function runAndRestore(host: ReferenceHost, bits: number): number {
  host.begin();
  host.call('run', bits);
  host.restore();
  const [memory] = host.memories;
  return new Uint8Array(memory?.buffer ?? new ArrayBuffer(0)).findIndex((byte) => byte !== 0xa5);
}

/** Statements drawn at random: stores to a few locals that change in between, in nested labels. */
class Program {
  readonly #random: Random;
  #labels = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  body(depth: number): string {
    const count = 1 + this.#random.below(4);
    return Array.from({ length: count }, () => this.#statement(depth)).join('\n');
  }

  #local(): string {
    return `$a${this.#random.below(3)}`;
  }

  /** Just before, on or behind the edge of a card, where the wrong card is the likely mistake. */
  #address(): string {
    const card = 1 + this.#random.below((pages * pageBytes) / cardBytes - 3);
    return `(i32.const ${card * cardBytes + this.#random.below(300) - 150})`;
  }

  #condition(): string {
    return `(i32.and (local.get $bits) (i32.const ${1 << this.#random.below(4)}))`;
  }

  #store(address: string, value: string): string {
    const op = this.#random.pick(['i32.store', 'i32.store8', 'i32.store16']);
    return `(${op} offset=${this.#random.below(500)} ${address} ${value})`;
  }

  #statement(depth: number): string {
    const kind = this.#random.below(depth > 0 ? 14 : 9);
    const local = this.#local();
    const get = `(local.get ${local})`;
    if (kind < 4) return this.#store(get, '(i32.const 1)');
    if (kind === 4) return `(local.set ${local} ${this.#address()})`;
    if (kind === 5) return this.#store(`(local.tee ${local} ${this.#address()})`, '(i32.const 2)');
    if (kind === 6) return this.#store(get, `(local.tee ${local} ${this.#address()})`);
    if (kind === 7) return `(local.set ${local} (local.get ${this.#local()}))`;
    if (kind === 8) return `(call $other ${get})`;
    return this.#nested(kind, depth);
  }

  #nested(kind: number, depth: number): string {
    const inner = (): string => this.body(depth - 1);
    const condition = this.#condition();
    const label = `$l${this.#labels++}`;
    if (kind === 9) return `(if ${condition} (then ${inner()}))`;
    if (kind === 10) return `(if ${condition} (then ${inner()}) (else ${inner()}))`;
    if (kind === 11) return `(block ${label} ${inner()} (br_if ${label} ${condition}) ${inner()})`;
    if (kind === 12) {
      const thrown = `(if ${condition} (then (throw $t)))`;
      return `(try (do ${inner()} ${thrown} ${inner()}) (catch $t ${inner()}))`;
    }
    const n = `$n${depth}`;
    const next = `(local.tee ${n} (i32.sub (local.get ${n}) (i32.const 1)))`;
    return `(local.set ${n} (i32.const 3)) (loop ${label} ${inner()} (br_if ${label} ${next}))`;
  }
}

describe('stores whose card is marked already', () => {
  test('have no mark of their own', () => {
    const stores = [0, 4, 100, 40, 12].map(
      (offset) => `(i32.store offset=${offset} (local.get $a0) (i32.const 1))`,
    );
    const host = meter(moduleOf(`(local.set $a0 (i32.const 4090)) ${stores.join('')}`));
    expect(countMarks(host)).toBe(1);
    expect(runAndRestore(host, 0)).toBe(-1);
  });

  const store = '(i32.store (local.get $a0) (i32.const 1))';
  const other = '(local.set $a0 (i32.const 9000))';
  const tooLongToUnroll = '(local.set $n3 (i32.add (local.get $n2) (i32.const 1)))'.repeat(8);
  test.each<[string, string]>([
    ['the local has another value', `${store} ${other} ${store}`],
    ['the first may not have run', `(if (local.get $bits) (then ${store})) ${store}`],
    ['it is in the other part', `(if (local.get $bits) (then ${store}) (else ${store}))`],
    [
      'a loop gives the local another value behind it',
      `(local.set $n0 (i32.const 2)) ${store} (loop $l ${store} ${other} ${tooLongToUnroll}
        (br_if $l (local.tee $n0 (i32.sub (local.get $n0) (i32.const 1)))))`,
    ],
    ['it is too far behind', `${store} (i32.store offset=128 (local.get $a0) (i32.const 1))`],
  ])('have one where %s', (_, body) => {
    const host = meter(moduleOf(`(local.set $a0 (i32.const 4000)) ${body}`));
    expect(countMarks(host)).toBe(2);
    for (const bits of [0, 1]) expect(runAndRestore(host, bits)).toBe(-1);
  });

  test('keep theirs where the local changes while its value waits to be stored to', () => {
    const late = `(i32.store (local.get $a0) (local.tee $a0 (i32.const 70000)))`;
    const host = meter(moduleOf(`(local.set $a0 (i32.const 4090)) ${late} ${store}`));
    expect(countMarks(host)).toBe(2);
    expect(runAndRestore(host, 0)).toBe(-1);
  });

  test('leave nothing behind in programs drawn at random', () => {
    for (let seed = 1; seed <= 120; seed++) {
      const wat = moduleOf(new Program(seed).body(3));
      const host = meter(wat);
      for (let bits = 0; bits < 16; bits += 1) {
        expect(runAndRestore(host, bits), `seed ${seed}, bits ${bits}: ${wat}`).toBe(-1);
      }
    }
  });
});
