/** A small assembler for the bodies of appended functions. */
import { ByteWriter } from '../binary/writer.ts';
import type { HostSlot } from './contract.ts';

/** Single-byte instructions the appended functions use. */
export const Asm = {
  unreachable: 0x00,
  else: 0x05,
  end: 0x0b,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32LtS: 0x48,
  i32GtU: 0x4b,
  i32LeU: 0x4d,
  i32GeS: 0x4e,
  i64Eqz: 0x50,
  i64Eq: 0x51,
  i64LtU: 0x54,
  i64GtU: 0x56,
  i64LeU: 0x58,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32And: 0x71,
  i32Or: 0x72,
  i32ShrU: 0x76,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64Or: 0x84,
  i64ShrU: 0x88,
  i32WrapI64: 0xa7,
  i64ExtendU: 0xad,
} as const;

/** A value type as it stands in a module: most are one byte, references to own types more. */
export type ValueBytes = number | readonly number[];

/** What a code writer needs to know of the additions it is part of. */
export interface HostAccess {
  readonly hostTable: number;
  slotIndex(slot: HostSlot): number;
  typeIndex(params: readonly ValueBytes[], results: readonly ValueBytes[]): number;
}

const emptyBlock = 0x40;

export class CodeWriter extends ByteWriter {
  readonly #host: HostAccess;
  readonly #paramCount: number;
  readonly #locals: number[] = [];

  constructor(host: HostAccess, paramCount: number) {
    super(64);
    this.#host = host;
    this.#paramCount = paramCount;
  }

  /** Declares a local of a value type and answers its index. */
  local(type: number): number {
    this.#locals.push(type);
    return this.#paramCount + this.#locals.length - 1;
  }

  ops(...bytes: number[]): void {
    this.writeBytes(bytes);
  }

  #indexed(op: number, index: number): void {
    this.writeByte(op);
    this.writeU32(index);
  }

  get(local: number): void {
    this.#indexed(0x20, local);
  }

  set(local: number): void {
    this.#indexed(0x21, local);
  }

  tee(local: number): void {
    this.#indexed(0x22, local);
  }

  globalGet(index: number): void {
    this.#indexed(0x23, index);
  }

  globalSet(index: number): void {
    this.#indexed(0x24, index);
  }

  call(index: number): void {
    this.#indexed(0x10, index);
  }

  i32(value: number): void {
    this.writeByte(0x41);
    this.writeS64(value);
  }

  i64(value: number): void {
    this.writeByte(0x42);
    this.writeS64(value);
  }

  if(): void {
    this.ops(0x04, emptyBlock);
  }

  else(): void {
    this.ops(Asm.else);
  }

  end(): void {
    this.writeByte(Asm.end);
  }

  /** Runs `body` inside a loop; `br(0)` in it goes round. */
  loop(body: () => void): void {
    this.ops(0x03, emptyBlock);
    body();
    this.end();
  }

  br(depth: number): void {
    this.#indexed(0x0c, depth);
  }

  /** An instruction behind the 0xfc prefix with its indices. */
  misc(op: number, ...indices: number[]): void {
    this.writeByte(0xfc);
    this.writeU32(op);
    for (const index of indices) this.writeU32(index);
  }

  /** An instruction behind the 0xfb prefix with its indices. */
  gc(op: number, ...indices: number[]): void {
    this.writeByte(0xfb);
    this.writeU32(op);
    for (const index of indices) this.writeU32(index);
  }

  /** Calls a host function; its arguments are on the stack. */
  callHost(slot: HostSlot, params: readonly number[], results: readonly number[]): void {
    this.i32(this.#host.slotIndex(slot));
    this.#indexed(0x11, this.#host.typeIndex(params, results));
    this.writeU32(this.#host.hostTable);
  }

  /** The function body: size, locals, code, end. */
  writeBody(target: ByteWriter): void {
    const head = new ByteWriter(16);
    head.writeU32(this.#locals.length);
    for (const type of this.#locals) head.writeBytes([1, type]);
    target.writeU32(head.length + this.length + 1);
    target.writeBytes(head.view());
    target.writeBytes(this.view());
    target.writeByte(Asm.end);
  }
}
