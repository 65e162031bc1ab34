/**
 * Marks the 4 KiB card a store wrote to, AFTER the store: then its address is known to lie within
 * the memory, so that one 64 KiB card memory covers 256 MiB without a test. A trap in between
 * leaves no mark, which is harmless only because a trapped instance is never restored.
 */
import type { InstructionCursor } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { Value } from './additions.ts';
import { Asm } from './code.ts';
import { type Emitter, Purpose } from './emitter.ts';

const cardBytesLog2 = 12;
const i64Stores = new Set<number>([
  Op.i64Store,
  Op.i64Store32,
  Op.i64Store32 - 1,
  Op.i64Store32 - 2,
]);

/** From the address to the store of the mark, but for its memory. */
const storeMark = [0x41, 1, 0x3a, 0x40];
const markTail = Uint8Array.of(0x41, cardBytesLog2, Asm.i32ShrU, ...storeMark);
const markTail64 = Uint8Array.of(0x42, cardBytesLog2, Asm.i64ShrU, Asm.i32WrapI64, ...storeMark);

function storedType(op: number): number {
  if (op >= Op.v128Store) return Value.v128;
  if (op === Op.f32Store) return Value.f32;
  if (op === Op.f64Store) return Value.f64;
  return i64Stores.has(op) ? Value.i64 : Value.i32;
}

/** Replaces the store under the cursor by the same store and its mark. */
export function writeCardMark(
  cursor: InstructionCursor,
  emitter: Emitter,
  memory: { readonly cardMemory: number; readonly is64: boolean },
): void {
  const { is64, cardMemory } = memory;
  const type = storedType(cursor.op);
  const value = emitter.local(Purpose.value, type);
  const address = emitter.local(Purpose.address, is64 ? Value.i64 : Value.i32);
  emitter.copyTo(cursor.at);
  emitter.indexed(0x21, value);
  emitter.indexed(0x22, address);
  emitter.indexed(0x20, value);
  emitter.copyTo(cursor.pos);
  emitter.indexed(0x20, address);
  if (cursor.memargOffset > 0) {
    emitter.constant(cursor.memargOffset, is64);
    emitter.byte(is64 ? Asm.i64Add : Asm.i32Add);
  }
  emitter.few(is64 ? markTail64 : markTail);
  emitter.byte(cardMemory);
  emitter.byte(0);
}
