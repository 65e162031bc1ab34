/** What the meter appends to each index space, and the index each thing gets. */
import { ByteWriter } from '../binary/writer.ts';
import { reserveName } from '../reserve.ts';
import type { ModuleShape } from '../shape.ts';
import { CodeWriter, type ValueBytes } from './code.ts';
import { type HostSlot, hostSlots } from './contract.ts';

/** Bytes of the value types the meter itself uses. */
export const Value = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

export const ExportKind = { func: 0, table: 1, memory: 2, global: 3 } as const;

/** One appended index space: its entries, and how many there are. */
class Appendix {
  readonly entries = new ByteWriter(256);
  readonly #first: number;
  count = 0;

  constructor(first: number) {
    this.#first = first;
  }

  /** Counts the entry just written and answers its index. */
  add(): number {
    return this.#first + this.count++;
  }
}

export class Additions {
  readonly types: Appendix;
  readonly functions: Appendix;
  readonly tables: Appendix;
  readonly globals: Appendix;
  readonly exports = new Appendix(0);
  /** Appended globals that are part of the guest's state. */
  readonly stateGlobals: { index: number; type: number }[] = [];
  readonly #bodies: CodeWriter[] = [];
  readonly #typeOf = new Map<string, number>();
  readonly #functionOf = new Map<string, number>();
  readonly #globalOf = new Map<string, number>();
  readonly #exportNames: Set<string>;
  readonly hostTable: number;
  /** Where its least and its largest size stand. */
  readonly #hostTableSizes: readonly number[];
  #hostSlotCount = 0;
  readonly fuel: number;

  constructor(shape: ModuleShape) {
    this.types = new Appendix(shape.types.length);
    this.functions = new Appendix(shape.functionTypes.length);
    this.tables = new Appendix(shape.tables.length);
    this.globals = new Appendix(shape.globals.length);
    this.#exportNames = new Set(shape.exports.map((each) => each.name));
    const { entries } = this.tables;
    entries.writeBytes([0x70, 1]);
    this.#hostTableSizes = [entries.writePlaceholder(), entries.writePlaceholder()];
    this.hostTable = this.tables.add();
    this.fuel = this.addGlobal(Value.i32, 0);
  }

  /** Index of the function type with these parameters and results. */
  typeIndex(params: readonly ValueBytes[], results: readonly ValueBytes[]): number {
    const key = JSON.stringify([params, results]);
    const known = this.#typeOf.get(key);
    if (known !== undefined) return known;
    const { entries } = this.types;
    entries.writeByte(0x60);
    for (const values of [params, results]) {
      entries.writeU32(values.length);
      entries.writeBytes(values.flat());
    }
    const index = this.types.add();
    this.#typeOf.set(key, index);
    return index;
  }

  /** A mutable global of a number type, beginning as `initial`. */
  addGlobal(type: number, initial: number): number {
    const { entries } = this.globals;
    entries.writeBytes([type, 1, type === Value.i64 ? 0x42 : 0x41]);
    entries.writeS64(initial);
    entries.writeByte(0x0b);
    return this.globals.add();
  }

  /** A global of the guest's state, one for each `key`. */
  stateGlobal(key: string, type: number, initial: number): number {
    const known = this.#globalOf.get(key);
    if (known !== undefined) return known;
    const index = this.addGlobal(type, initial);
    this.#globalOf.set(key, index);
    this.stateGlobals.push({ index, type });
    return index;
  }

  /** Index of the appended function `key`, which `build` writes on first use. */
  functionIndex(
    key: string,
    signature: readonly [params: readonly ValueBytes[], results: readonly ValueBytes[]],
    build: (code: CodeWriter) => void,
  ): number {
    const known = this.#functionOf.get(key);
    if (known !== undefined) return known;
    this.functions.entries.writeU32(this.typeIndex(...signature));
    const index = this.functions.add();
    this.#functionOf.set(key, index);
    const code = new CodeWriter(this, signature[0].length);
    // Bodies stand in the order of their indices: this one before those `build` asks for.
    this.#bodies.push(code);
    build(code);
    return index;
  }

  /** Writes the bodies of all appended functions behind the original ones. */
  writeBodies(target: ByteWriter): void {
    for (const code of this.#bodies) code.writeBody(target);
  }

  /** A name no export of the guest has, taken from now on. */
  reserveExport(wanted: string): string {
    const name = reserveName(`terrafirma:${wanted}`, this.#exportNames);
    this.#exportNames.add(name);
    return name;
  }

  addExport(wanted: string, kind: number, index: number): string {
    const name = this.reserveExport(wanted);
    this.exports.entries.writeName(name);
    this.exports.entries.writeByte(kind);
    this.exports.entries.writeU32(index);
    this.exports.add();
    return name;
  }

  /** Of a slot that is used: the host table ends behind the last, as V8 takes 32 bytes for each. */
  slotIndex(slot: HostSlot): number {
    const index = hostSlots.indexOf(slot);
    if (index < this.#hostSlotCount) return index;
    this.#hostSlotCount = index + 1;
    for (const at of this.#hostTableSizes) this.tables.entries.patch(at, this.#hostSlotCount);
    return index;
  }
}
