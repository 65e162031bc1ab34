/**
 * A call of Go's `syscall.Getenv(key string) (value string, found bool)` that stands at its first
 * instruction, as it lies on the stack:
 *
 *   stack pointer ──► | u64 where the caller goes on | key | value | u8 found
 *   a string          | u64 pointer | u64 length |
 *
 * (Go 1.22 to 1.26: `cmd/compile/abi-internal.md`; WebAssembly has no registers for arguments.)
 */
import type { Buffer } from 'node:buffer';

/** What a function takes off the stack when it returns. */
export const returnBytes = 8;
const keyAt = 8;
const valueAt = 24;
const callBytes = 41;
const nameBytesMax = 1_024;
const nothing = 0;

/** The name, one character a byte; undefined where there is none, or one that is too long. */
export function readLookup(memory: Buffer, stackPointer: number): string | undefined {
  if (stackPointer + callBytes > memory.length) return undefined;
  const key = stackPointer + keyAt;
  const pointer = memory.readBigUInt64LE(key);
  const length = memory.readBigUInt64LE(key + 8);
  if (length > nameBytesMax || pointer + length > memory.length) return undefined;
  return memory.toString('latin1', Number(pointer), Number(pointer + length));
}

/** No value, and not found. */
export function answerAbsent(memory: Buffer, stackPointer: number): void {
  memory.fill(nothing, stackPointer + valueAt, stackPointer + callBytes);
}
