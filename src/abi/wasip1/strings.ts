/**
 * `args` and `environ`: a list of strings, each ended by NUL, and a list of their addresses.
 *
 *   sizes_get   countPtr ──► u32 2          bytesPtr ──► u32 8
 *   get         ptrs ──► | u32 | u32 |      buffer ──► 'a' '=' '1' NUL 'b' '=' '2' NUL
 */
import type { HostcallFamily, WasiGuest } from './guest.ts';

export function argsHostcalls(guest: WasiGuest): HostcallFamily {
  const list = (): readonly string[] => guest.process.arguments;
  return { args_get: giveStrings(guest, list), args_sizes_get: giveSizes(guest, list) };
}

export function environHostcalls(guest: WasiGuest): HostcallFamily {
  const list = (): readonly string[] => guest.process.environment;
  return { environ_get: giveStrings(guest, list), environ_sizes_get: giveSizes(guest, list) };
}

function giveStrings(guest: WasiGuest, list: () => readonly string[]): HostcallFamily[string] {
  return guest.hostcall((ptrs: number, buffer: number) => {
    const texts = list();
    guest.requireRange(ptrs, texts.length * 4);
    guest.requireRange(buffer, countBytes(texts));
    let at = buffer >>> 0;
    for (const [index, text] of texts.entries()) {
      guest.writeU32((ptrs >>> 0) + index * 4, at);
      guest.writeText(at, `${text}\0`);
      at += text.length + 1;
    }
  });
}

function giveSizes(guest: WasiGuest, list: () => readonly string[]): HostcallFamily[string] {
  return guest.hostcall((countPtr: number, bytesPtr: number) => {
    const texts = list();
    guest.requireRange(countPtr, 4);
    guest.requireRange(bytesPtr, 4);
    guest.writeU32(countPtr, texts.length);
    guest.writeU32(bytesPtr, countBytes(texts));
  });
}

function countBytes(texts: readonly string[]): number {
  let total = 0;
  for (const text of texts) total += text.length + 1;
  return total;
}
