/**
 * Marks the card a store wrote to, AFTER the store: then its address is known to lie within the
 * memory, and its mark within the card memory, without a test. A trap in between
 * leaves no mark, which is harmless only because a trapped instance is never restored.
 */
import type { InstructionCursor } from '../binary/cursor.ts';
import type { LocalValues } from '../binary/local-values.ts';
import { Op } from '../binary/opcodes.ts';
import { Value } from './additions.ts';
import { Asm } from './code.ts';
import { cardBytesLog2 } from './contract.ts';
import { type Emitter, Purpose } from './emitter.ts';
import type { MarkedPlaces } from './marked-places.ts';

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

export interface CardMarking {
  readonly cardMemory: number;
  readonly is64: boolean;
  readonly locals: LocalValues;
  readonly places: MarkedPlaces;
}

/** Has the store under the cursor mark its card, unless that is marked wherever it comes from. */
export function writeCardMark(
  cursor: InstructionCursor,
  emitter: Emitter,
  marking: CardMarking,
): void {
  const { locals, places } = marking;
  const local = locals.localAt(1);
  if (local < 0) {
    writeKeepingAddress(cursor, emitter, marking);
    return;
  }
  const offset = places.mark(local, cursor.memargOffset);
  if (offset < 0) return;
  emitter.copyTo(cursor.pos);
  emitter.indexed(0x20, local);
  writeMark(emitter, offset, marking);
}

/** The address is no local's value: it gets a local of its own, and what is stored, too. */
function writeKeepingAddress(
  cursor: InstructionCursor,
  emitter: Emitter,
  marking: CardMarking,
): void {
  const value = emitter.local(Purpose.value, storedType(cursor.op));
  const address = emitter.local(Purpose.address, marking.is64 ? Value.i64 : Value.i32);
  emitter.copyTo(cursor.at);
  emitter.indexed(0x21, value);
  emitter.indexed(0x22, address);
  emitter.indexed(0x20, value);
  emitter.copyTo(cursor.pos);
  emitter.indexed(0x20, address);
  writeMark(emitter, cursor.memargOffset, marking);
}

/** Marks the card `offset` bytes behind the address on the stack. */
function writeMark(emitter: Emitter, offset: number, { is64, cardMemory }: CardMarking): void {
  if (offset > 0) {
    emitter.constant(offset, is64);
    emitter.byte(is64 ? Asm.i64Add : Asm.i32Add);
  }
  emitter.few(is64 ? markTail64 : markTail);
  emitter.byte(cardMemory);
  emitter.byte(0);
}
