/** Code of one function at random: statements and typed expressions, always valid. */
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';
import { CallGenerator } from './calls.ts';
import { ExceptionGenerator } from './exceptions.ts';
import { ObjectGenerator } from './objects.ts';
import {
  binaryOps,
  compareOps,
  f32,
  i32,
  i64,
  loadOps,
  storeOps,
  type Value,
  valueTypes,
} from './operations.ts';
import type { Random } from './random.ts';
import type { Label, Scope, Signature } from './scope.ts';
import { TypeIndices } from './types.ts';

export interface FunctionPlan {
  readonly random: Random;
  readonly signatures: readonly Signature[];
  readonly index: number;
  readonly locals: readonly Value[];
  /** try_table and throw_ref; else try, catch, rethrow and delegate: V8 allows no mixture. */
  readonly hasNewExceptions: boolean;
}

const tickGlobal = 0;
export const segmentBytes = 40;

export class FunctionGenerator implements Scope {
  readonly random: Random;
  readonly signatures: readonly Signature[];
  readonly locals: readonly Value[];
  readonly labels: Label[] = [];
  readonly results: readonly Value[];
  readonly code = new ByteWriter(512);
  #fuel = 120;

  readonly #calls: CallGenerator;
  readonly #exceptions: ExceptionGenerator;
  readonly #objects: ObjectGenerator;

  /** The locals for references stand behind `locals`, in the order of `referenceLocals`. */
  constructor(plan: FunctionPlan) {
    const { random, signatures, index, locals, hasNewExceptions } = plan;
    this.random = random;
    this.signatures = signatures;
    const { params = [], results = [] } = signatures[index] ?? {};
    this.locals = [...params, ...locals];
    this.results = results;
    const types = new TypeIndices(signatures.length, hasNewExceptions);
    const firstReference = this.locals.length;
    this.#calls = new CallGenerator(this);
    this.#exceptions = new ExceptionGenerator(this, { hasNewExceptions, types, firstReference });
    this.#objects = new ObjectGenerator(this, { types, firstReference });
  }

  generate(): void {
    this.labels.push({ takes: this.results });
    this.#tick();
    this.statements(5);
    for (const result of this.results) this.value(result, 3);
    this.code.writeByte(0x0b);
  }

  op(...bytes: number[]): void {
    this.code.writeBytes(bytes);
  }

  i32(value: number): void {
    this.code.writeByte(0x41);
    this.code.writeS64(value);
  }

  /** Takes a tick; traps when there are none. */
  #tick(): void {
    this.op(0x23, tickGlobal);
    this.i32(1);
    this.op(0x6b, 0x24, tickGlobal, 0x23, tickGlobal);
    this.i32(0);
    this.op(0x48, 0x04, 0x40, 0x00, 0x0b);
  }

  statements(depth: number): void {
    const count = 1 + this.random.below(4);
    for (let i = 0; i < count && this.#fuel > 0; i++) this.#statement(depth);
  }

  #statement(depth: number): void {
    this.#fuel--;
    const choice = this.random.below(depth > 0 ? 28 : 11);
    if (choice < 2) this.#assign();
    else if (choice < 4) this.#store();
    else if (choice === 4) this.#calls.call();
    else if (choice === 5) this.#bulk();
    else if (choice === 6) this.#table();
    else if (choice === 7) this.#grow();
    else if (choice === 8) this.#setGlobal();
    else if (choice < 11) this.#objects.statement();
    else if (choice < 13) this.#block(0x02, depth);
    else if (choice < 17) this.#block(0x03, depth);
    else if (choice < 19) this.#if(depth);
    else if (choice === 19) this.#branchIf();
    else if (choice === 20) this.#guardedBranch();
    else if (choice < 24) this.#exceptions.statement(depth);
    else if (choice < 26) this.#objects.branch(depth);
    else this.#objects.statement();
  }

  #assign(): void {
    const local = this.random.below(this.locals.length);
    this.value(this.locals[local] ?? i32, 3);
    this.op(0x21, local);
  }

  #setGlobal(): void {
    const global = 1 + this.random.below(valueTypes.length);
    this.value(valueTypes[global - 1] ?? i32, 3);
    this.op(0x24, global);
  }

  /**
   * An address within the first size of the memory, or beyond its largest: what lies between may
   * be mapped after a restore, and that deviation is known.
   */
  #address(): void {
    this.value(i32, 2);
    this.i32(0xffff);
    this.op(0x71);
    if (this.random.chance(97)) return;
    this.i32(0x100_0000);
    this.op(0x72);
  }

  #memarg(): void {
    this.op(0);
    this.code.writeU32(this.random.chance(80) ? this.random.below(64) : this.random.below(9000));
  }

  #store(): void {
    const type = this.random.pick(valueTypes);
    this.#address();
    this.value(type, 3);
    this.op(this.random.pick(storeOps[type]));
    this.#memarg();
  }

  pushAll(params: readonly Value[]): void {
    for (const param of params) this.value(param, 2);
  }

  dropAll(results: readonly Value[]): void {
    for (const _ of results) this.op(0x1a);
  }

  #bulk(): void {
    const choice = this.random.below(5);
    if (choice === 4) {
      this.op(0xfc, 9, this.random.below(2));
      return;
    }
    this.#address();
    if (choice === 0) this.value(i32, 1);
    else if (choice === 1) this.#address();
    else this.i32(this.random.below(segmentBytes));
    const isLarge = this.random.chance(10);
    this.i32(choice < 2 && isLarge ? this.random.below(260_000) : this.random.below(30));
    if (choice === 0) this.op(0xfc, 11, 0);
    else if (choice === 1) this.op(0xfc, 10, 0, 0);
    else this.op(0xfc, 8, this.random.below(2), 0);
  }

  #table(): void {
    const choice = this.random.below(5);
    this.i32(this.random.below(10));
    if (choice === 0) {
      this.op(0xd2, this.random.below(this.signatures.length), 0x26, 0);
      return;
    }
    if (choice === 1) this.op(0xd0, 0x70);
    else this.i32(this.random.below(4));
    this.i32(this.random.below(4));
    if (choice === 1) this.op(0xfc, 17, 0);
    else if (choice === 2) this.op(0xfc, 14, 0, 0);
    else this.op(0xfc, 12, 0, 0);
    if (choice === 4) this.op(0xfc, 13, 0);
  }

  #grow(): void {
    this.i32(this.random.below(3));
    this.op(0x40, 0, 0x1a);
  }

  #block(op: number, depth: number): void {
    const results = this.random.chance(40) ? [this.random.pick(valueTypes)] : [];
    this.op(op, results[0] ?? 0x40);
    this.labels.push({ takes: op === 0x03 ? [] : results });
    if (op === 0x03) this.#tick();
    this.statements(depth - 1);
    if (op === 0x03 && this.random.chance(80)) {
      this.value(i32, 2);
      this.op(0x0d, 0);
    }
    this.pushAll(results);
    this.labels.pop();
    this.op(0x0b);
    this.dropAll(results);
  }

  #if(depth: number): void {
    const results = this.random.chance(40) ? [this.random.pick(valueTypes)] : [];
    this.value(i32, 2);
    this.op(0x04, results[0] ?? 0x40);
    this.labels.push({ takes: results });
    this.statements(depth - 1);
    this.pushAll(results);
    if (results.length > 0 || this.random.chance(50)) {
      this.op(0x05);
      this.statements(depth - 1);
      this.pushAll(results);
    }
    this.labels.pop();
    this.op(0x0b);
    this.dropAll(results);
  }

  inside(takes: readonly Value[] | undefined, body: () => void): void {
    this.labels.push({ takes });
    body();
    this.labels.pop();
  }

  loop(depth: number, body: () => void): void {
    this.op(0x03, 0x40);
    this.inside([], () => {
      this.#tick();
      body();
      if (depth > 1) this.statements(depth - 1);
      this.value(i32, 1);
      this.op(0x0d, 0);
    });
    this.op(0x0b);
  }

  /** The labels in scope whose takes are known, the innermost last. */
  #open(): { readonly depth: number; readonly takes: readonly Value[] }[] {
    return this.labels.flatMap(({ takes }, i) =>
      takes === undefined ? [] : [{ takes, depth: this.labels.length - 1 - i }],
    );
  }

  emptyLabels(): number[] {
    return this.#open()
      .filter(({ takes }) => takes.length === 0)
      .map(({ depth }) => depth);
  }

  anyLocal(type: Value): number {
    return this.locals.indexOf(type);
  }

  #branchIf(): void {
    const { depth, takes } = this.random.pick(this.#open());
    this.pushAll(takes);
    this.value(i32, 2);
    this.op(0x0d, depth);
    this.dropAll(takes);
  }

  /** An unconditional way out, behind a condition so that what follows is not always dead. */
  #guardedBranch(): void {
    this.value(i32, 2);
    this.op(0x04, 0x40);
    this.labels.push({ takes: [] });
    const choice = this.random.below(5);
    if (choice === 0) {
      this.pushAll(this.results);
      this.op(0x0f);
    } else if (choice === 1) this.#branchTable();
    else if (choice === 2) this.#exceptions.raise();
    else if (choice === 3) this.#calls.tailCall();
    else {
      const { depth, takes } = this.random.pick(this.#open());
      this.pushAll(takes);
      this.op(0x0c, depth);
    }
    this.labels.pop();
    this.op(0x0b);
  }

  #branchTable(): void {
    const depths = this.emptyLabels();
    const targets = Array.from({ length: this.random.below(4) }, () => this.random.pick(depths));
    this.value(i32, 1);
    this.op(0x0e, targets.length, ...targets, this.random.pick(depths));
  }

  constant(type: Value): void {
    if (type === i32)
      this.i32(this.random.chance(70) ? this.random.below(40) : this.random.next() | 0);
    else if (type === i64) {
      this.code.writeByte(0x42);
      this.code.writeS64(this.random.next() - 2 ** 31);
    } else if (type === f32) this.op(0x43, ...this.#floatBytes(4));
    else this.op(0x44, ...this.#floatBytes(8));
  }

  #floatBytes(count: number): number[] {
    const bytes = new Uint8Array(count);
    const view = new DataView(bytes.buffer);
    const value = (this.random.next() - 2 ** 31) / 2 ** this.random.below(40);
    if (count === 4) view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
    return [...bytes];
  }

  value(type: Value, depth: number): void {
    this.#fuel--;
    const choice = this.random.below(depth > 0 && this.#fuel > 0 ? 10 : 3);
    if (choice === 0) this.constant(type);
    else if (choice < 3) this.#local(type);
    else if (choice < 6) {
      this.value(type, depth - 1);
      this.value(type, depth - 1);
      this.op(this.random.pick(binaryOps[type]));
    } else if (choice === 6) {
      this.#address();
      this.op(this.random.pick(loadOps[type]));
      this.#memarg();
    } else if (choice === 7) this.op(0x23, 1 + valueTypes.indexOf(type));
    else if (choice === 8) {
      this.value(type, depth - 1);
      this.value(type, depth - 1);
      this.value(i32, depth - 1);
      this.op(0x1b);
    } else this.#compare(type, depth);
  }

  #compare(type: Value, depth: number): void {
    if (type !== i32) {
      this.constant(type);
      return;
    }
    if (this.random.chance(20)) {
      this.op(0x3f, 0);
      return;
    }
    if (this.random.chance(20)) {
      this.#objects.number(depth);
      return;
    }
    const compared = this.random.pick(valueTypes);
    this.value(compared, depth - 1);
    this.value(compared, depth - 1);
    this.op(this.random.pick(compareOps[compared]));
  }

  #local(type: Value): void {
    const index = this.locals.indexOf(type);
    if (index < 0) this.constant(type);
    else this.op(0x20, index);
  }
}
