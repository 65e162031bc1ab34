/**
 * Valid modules at random, with everything the meter treats specially: loops and branches of all
 * kinds, calls, exceptions, stores, growth, bulk operations, dropped segments, changing tables.
 * They always end: every loop head and every function entry takes a tick from a global, and traps
 * when there are none left.
 */
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';
import { emitModule } from '../support/assemble.ts';
import { Random } from './random.ts';

const i32 = 0x7f;
const i64 = 0x7e;
const f32 = 0x7d;
const f64 = 0x7c;
const valueTypes = [i32, i64, f32, f64] as const;
type Value = (typeof valueTypes)[number];

export const ticksAtStart = 3000;

interface Signature {
  readonly params: readonly Value[];
  readonly results: readonly Value[];
}

/** A label in scope: what a branch to it takes. */
interface Label {
  readonly takes: readonly Value[];
}

const binaryOps: Readonly<Record<Value, readonly number[]>> = {
  [i32]: [0x6a, 0x6b, 0x6c, 0x6d, 0x70, 0x71, 0x72, 0x73, 0x74, 0x76, 0x77],
  [i64]: [0x7c, 0x7d, 0x7e, 0x80, 0x82, 0x83, 0x84, 0x85, 0x86, 0x88],
  [f32]: [0x92, 0x93, 0x94, 0x95, 0x96],
  [f64]: [0xa0, 0xa1, 0xa2, 0xa3, 0xa4],
};
const compareOps: Readonly<Record<Value, readonly number[]>> = {
  [i32]: [0x46, 0x48, 0x4b, 0x4d],
  [i64]: [0x51, 0x53, 0x56, 0x58],
  [f32]: [0x5b, 0x5d, 0x5e],
  [f64]: [0x61, 0x63, 0x64],
};
const loadOps: Readonly<Record<Value, readonly number[]>> = {
  [i32]: [0x28, 0x2c, 0x2d, 0x2e, 0x2f],
  [i64]: [0x29, 0x30, 0x31, 0x34, 0x35],
  [f32]: [0x2a],
  [f64]: [0x2b],
};
const storeOps: Readonly<Record<Value, readonly number[]>> = {
  [i32]: [0x36, 0x3a, 0x3b],
  [i64]: [0x37, 0x3c, 0x3d, 0x3e],
  [f32]: [0x38],
  [f64]: [0x39],
};

const tickGlobal = 0;
const segmentBytes = 40;

class FunctionGenerator {
  readonly #random: Random;
  readonly #signatures: readonly Signature[];
  readonly #locals: readonly Value[];
  readonly #labels: Label[] = [];
  readonly #results: readonly Value[];
  readonly code = new ByteWriter(512);
  #fuel = 120;

  constructor(random: Random, signatures: readonly Signature[], index: number, locals: Value[]) {
    this.#random = random;
    this.#signatures = signatures;
    const { params = [], results = [] } = signatures[index] ?? {};
    this.#locals = [...params, ...locals];
    this.#results = results;
  }

  generate(): void {
    this.#labels.push({ takes: this.#results });
    this.#tick();
    this.#statements(5);
    for (const result of this.#results) this.#value(result, 3);
    this.code.writeByte(0x0b);
  }

  #op(...bytes: number[]): void {
    this.code.writeBytes(bytes);
  }

  #i32(value: number): void {
    this.code.writeByte(0x41);
    this.code.writeS64(value);
  }

  /** Takes a tick; traps when there are none. */
  #tick(): void {
    this.#op(0x23, tickGlobal);
    this.#i32(1);
    this.#op(0x6b, 0x24, tickGlobal, 0x23, tickGlobal);
    this.#i32(0);
    this.#op(0x48, 0x04, 0x40, 0x00, 0x0b);
  }

  #statements(depth: number): void {
    const count = 1 + this.#random.below(4);
    for (let i = 0; i < count && this.#fuel > 0; i++) this.#statement(depth);
  }

  #statement(depth: number): void {
    this.#fuel--;
    const choice = this.#random.below(depth > 0 ? 20 : 9);
    if (choice < 2) this.#assign();
    else if (choice < 4) this.#store();
    else if (choice === 4) this.#call();
    else if (choice === 5) this.#bulk();
    else if (choice === 6) this.#table();
    else if (choice === 7) this.#grow();
    else if (choice === 8) this.#setGlobal();
    else if (choice < 11) this.#block(0x02, depth);
    else if (choice < 14) this.#block(0x03, depth);
    else if (choice < 16) this.#if(depth);
    else if (choice === 16) this.#branchIf();
    else if (choice === 17) this.#guardedBranch();
    else this.#try(depth);
  }

  #assign(): void {
    const local = this.#random.below(this.#locals.length);
    this.#value(this.#locals[local] ?? i32, 3);
    this.#op(0x21, local);
  }

  #setGlobal(): void {
    const global = 1 + this.#random.below(valueTypes.length);
    this.#value(valueTypes[global - 1] ?? i32, 3);
    this.#op(0x24, global);
  }

  /**
   * An address within the first size of the memory, or beyond its largest: what lies between may
   * be mapped after a restore, and that deviation is known.
   */
  #address(): void {
    this.#value(i32, 2);
    this.#i32(0xffff);
    this.#op(0x71);
    if (this.#random.chance(97)) return;
    this.#i32(0x100_0000);
    this.#op(0x72);
  }

  #memarg(): void {
    this.#op(0);
    this.code.writeU32(this.#random.chance(80) ? this.#random.below(64) : this.#random.below(9000));
  }

  #store(): void {
    const type = this.#random.pick(valueTypes);
    this.#address();
    this.#value(type, 3);
    this.#op(this.#random.pick(storeOps[type]));
    this.#memarg();
  }

  #arguments(params: readonly Value[]): void {
    for (const param of params) this.#value(param, 2);
  }

  #dropAll(results: readonly Value[]): void {
    for (const _ of results) this.#op(0x1a);
  }

  #call(): void {
    const target = this.#random.below(this.#signatures.length);
    const { params = [], results = [] } = this.#signatures[target] ?? {};
    this.#arguments(params);
    if (this.#random.chance(60)) this.#op(0x10, target);
    else {
      this.#i32(this.#random.chance(85) ? target : this.#random.below(12));
      this.#op(0x11, target, 0);
    }
    this.#dropAll(results);
  }

  #bulk(): void {
    const choice = this.#random.below(5);
    if (choice === 4) {
      this.#op(0xfc, 9, this.#random.below(2));
      return;
    }
    this.#address();
    if (choice === 0) this.#value(i32, 1);
    else if (choice === 1) this.#address();
    else this.#i32(this.#random.below(segmentBytes));
    const isLarge = this.#random.chance(10);
    this.#i32(choice < 2 && isLarge ? this.#random.below(260_000) : this.#random.below(30));
    if (choice === 0) this.#op(0xfc, 11, 0);
    else if (choice === 1) this.#op(0xfc, 10, 0, 0);
    else this.#op(0xfc, 8, this.#random.below(2), 0);
  }

  #table(): void {
    const choice = this.#random.below(5);
    this.#i32(this.#random.below(10));
    if (choice === 0) {
      this.#op(0xd2, this.#random.below(this.#signatures.length), 0x26, 0);
      return;
    }
    if (choice === 1) this.#op(0xd0, 0x70);
    else this.#i32(this.#random.below(4));
    this.#i32(this.#random.below(4));
    if (choice === 1) this.#op(0xfc, 17, 0);
    else if (choice === 2) this.#op(0xfc, 14, 0, 0);
    else this.#op(0xfc, 12, 0, 0);
    if (choice === 4) this.#op(0xfc, 13, 0);
  }

  #grow(): void {
    this.#i32(this.#random.below(3));
    this.#op(0x40, 0, 0x1a);
  }

  #block(op: number, depth: number): void {
    const results = this.#random.chance(40) ? [this.#random.pick(valueTypes)] : [];
    this.#op(op, results[0] ?? 0x40);
    this.#labels.push({ takes: op === 0x03 ? [] : results });
    if (op === 0x03) this.#tick();
    this.#statements(depth - 1);
    if (op === 0x03 && this.#random.chance(80)) {
      this.#value(i32, 2);
      this.#op(0x0d, 0);
    }
    this.#arguments(results);
    this.#labels.pop();
    this.#op(0x0b);
    this.#dropAll(results);
  }

  #if(depth: number): void {
    const results = this.#random.chance(40) ? [this.#random.pick(valueTypes)] : [];
    this.#value(i32, 2);
    this.#op(0x04, results[0] ?? 0x40);
    this.#labels.push({ takes: results });
    this.#statements(depth - 1);
    this.#arguments(results);
    if (results.length > 0 || this.#random.chance(50)) {
      this.#op(0x05);
      this.#statements(depth - 1);
      this.#arguments(results);
    }
    this.#labels.pop();
    this.#op(0x0b);
    this.#dropAll(results);
  }

  #label(): { depth: number; takes: readonly Value[] } {
    const depth = this.#random.below(this.#labels.length);
    return { depth, takes: this.#labels[this.#labels.length - 1 - depth]?.takes ?? [] };
  }

  #branchIf(): void {
    const { depth, takes } = this.#label();
    this.#arguments(takes);
    this.#value(i32, 2);
    this.#op(0x0d, depth);
    this.#dropAll(takes);
  }

  /** An unconditional way out, behind a condition so that what follows is not always dead. */
  #guardedBranch(): void {
    this.#value(i32, 2);
    this.#op(0x04, 0x40);
    this.#labels.push({ takes: [] });
    const choice = this.#random.below(5);
    if (choice === 0) {
      this.#arguments(this.#results);
      this.#op(0x0f);
    } else if (choice === 1) this.#branchTable();
    else if (choice === 2) this.#op(0x08, 0);
    else if (choice === 3) this.#tailCall();
    else {
      const { depth, takes } = this.#label();
      this.#arguments(takes);
      this.#op(0x0c, depth);
    }
    this.#labels.pop();
    this.#op(0x0b);
  }

  #branchTable(): void {
    const depths = this.#labels
      .map((label, i) => ({ takes: label.takes, depth: this.#labels.length - 1 - i }))
      .filter(({ takes }) => takes.length === 0)
      .map(({ depth }) => depth);
    const targets = Array.from({ length: this.#random.below(4) }, () => this.#random.pick(depths));
    this.#value(i32, 1);
    this.#op(0x0e, targets.length, ...targets, this.#random.pick(depths));
  }

  #tailCall(): void {
    const same = this.#signatures
      .map((signature, index) => ({ signature, index }))
      .filter(({ signature }) => signature.results.join() === this.#results.join());
    const { signature, index } = this.#random.pick(same);
    this.#arguments(signature.params);
    this.#op(0x12, index);
  }

  #try(depth: number): void {
    this.#op(0x06, 0x40);
    this.#labels.push({ takes: [] });
    this.#statements(depth - 1);
    if (this.#random.chance(50)) this.#op(0x07, 0);
    else this.#op(0x19);
    this.#statements(depth - 1);
    this.#labels.pop();
    this.#op(0x0b);
  }

  #constant(type: Value): void {
    if (type === i32)
      this.#i32(this.#random.chance(70) ? this.#random.below(40) : this.#random.next() | 0);
    else if (type === i64) {
      this.code.writeByte(0x42);
      this.code.writeS64(this.#random.next() - 2 ** 31);
    } else if (type === f32) this.#op(0x43, ...this.#floatBytes(4));
    else this.#op(0x44, ...this.#floatBytes(8));
  }

  #floatBytes(count: number): number[] {
    const bytes = new Uint8Array(count);
    const view = new DataView(bytes.buffer);
    const value = (this.#random.next() - 2 ** 31) / 2 ** this.#random.below(40);
    if (count === 4) view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
    return [...bytes];
  }

  #value(type: Value, depth: number): void {
    this.#fuel--;
    const choice = this.#random.below(depth > 0 && this.#fuel > 0 ? 10 : 3);
    if (choice === 0) this.#constant(type);
    else if (choice < 3) this.#local(type);
    else if (choice < 6) {
      this.#value(type, depth - 1);
      this.#value(type, depth - 1);
      this.#op(this.#random.pick(binaryOps[type]));
    } else if (choice === 6) {
      this.#address();
      this.#op(this.#random.pick(loadOps[type]));
      this.#memarg();
    } else if (choice === 7) this.#op(0x23, 1 + valueTypes.indexOf(type));
    else if (choice === 8) {
      this.#value(type, depth - 1);
      this.#value(type, depth - 1);
      this.#value(i32, depth - 1);
      this.#op(0x1b);
    } else this.#compare(type, depth);
  }

  #compare(type: Value, depth: number): void {
    if (type !== i32) {
      this.#constant(type);
      return;
    }
    if (this.#random.chance(20)) {
      this.#op(0x3f, 0);
      return;
    }
    const compared = this.#random.pick(valueTypes);
    this.#value(compared, depth - 1);
    this.#value(compared, depth - 1);
    this.#op(this.#random.pick(compareOps[compared]));
  }

  #local(type: Value): void {
    const index = this.#locals.indexOf(type);
    if (index < 0) this.#constant(type);
    else this.#op(0x20, index);
  }
}

function generateSignatures(random: Random): Signature[] {
  const types = (count: number): Value[] =>
    Array.from({ length: random.below(count) }, () => random.pick(valueTypes));
  const others = Array.from({ length: 2 + random.below(4) }, () => {
    return { params: types(3), results: types(2) };
  });
  return [{ params: [i32, i64], results: [i32] }, ...others];
}

function generateBody(random: Random, signatures: readonly Signature[], index: number): number[] {
  const locals: Value[] = [
    i32,
    ...Array.from({ length: random.below(5) }, () => random.pick(valueTypes)),
  ];
  const generator = new FunctionGenerator(random, signatures, index, locals);
  generator.generate();
  return [locals.length, ...locals.flatMap((type) => [1, type]), ...generator.code.view()];
}

function constantGlobal(type: Value): number[] {
  if (type === i32) return [type, 1, 0x41, 5, 0x0b];
  if (type === i64) return [type, 1, 0x42, 6, 0x0b];
  // A NaN with a payload, which a restore must keep.
  if (type === f32) return [type, 1, 0x43, 1, 0, 0xa0, 0x7f, 0x0b];
  return [type, 1, 0x44, 1, 0, 0, 0, 0, 0, 0xf4, 0x7f, 0x0b];
}

/** The module of `seed`: `run(i32, i64) → i32` is its function 0. */
export function generateModule(seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  const signatures = generateSignatures(random);
  const bytes = Array.from({ length: segmentBytes }, () => random.below(256));
  const ticks = new ByteWriter();
  ticks.writeS64(ticksAtStart);
  return emitModule({
    types: [
      ...signatures.map(({ params, results }) => {
        return [0x60, params.length, ...params, results.length, ...results];
      }),
      [0x60, 0, 0],
    ],
    functions: signatures.map((_, i) => i),
    tables: [[0x70, 0, 10]],
    memories: [[1, 5, 9]],
    tags: [[0, signatures.length]],
    globals: [[i32, 1, 0x41, ...ticks.view(), 0x0b], ...valueTypes.map(constantGlobal)],
    exports: { run: 0 },
    elements: [
      [1, 0, 2, 0, 1],
      [0, 0x41, 0, 0x0b, signatures.length, ...signatures.keys()],
    ],
    dataCount: 2,
    bodies: signatures.map((_, i) => generateBody(random, signatures, i)),
    data: [
      [1, segmentBytes, ...bytes],
      [0, 0x41, 16, 0x0b, segmentBytes, ...bytes],
    ],
  });
}
