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

/** Two writes for the whole list: each one looks at the memory anew, and lists are long. */
function giveStrings(guest: WasiGuest, list: () => readonly string[]): HostcallFamily[string] {
  return guest.waitingHostcall((ptrs: number, buffer: number) => {
    const texts = list();
    const addresses = new Uint8Array(texts.length * 4);
    const view = new DataView(addresses.buffer);
    let joined = '';
    for (const [index, text] of texts.entries()) {
      view.setUint32(index * 4, (buffer >>> 0) + joined.length, true);
      joined += `${text}\0`;
    }
    guest.requireRange(ptrs, addresses.length);
    guest.requireRange(buffer, joined.length);
    guest.writeBytes(ptrs, addresses);
    guest.writeText(buffer, joined);
    return undefined;
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
