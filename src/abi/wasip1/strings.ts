/**
 * `args` and `environ`: a list of strings, each ended by NUL, and a list of their addresses.
 *
 *   sizes_get   countPtr ──► u32 2          bytesPtr ──► u32 8
 *   get         ptrs ──► | u32 | u32 |      buffer ──► 'a' '=' '1' NUL 'b' '=' '2' NUL
 */
import type { Hostcall } from '../hostcall.ts';
import type { HostcallFamily, WasiGuest } from './guest.ts';

/** Writes to two addresses. Throws WasiError. */
type Give = (first: number, second: number) => void;

export function argsHostcalls(guest: WasiGuest): HostcallFamily {
  const list = (): readonly string[] => guest.process.arguments;
  const give = giveStrings(guest, list);
  return {
    args_get: guest.waitingHostcall((ptrs: number, buffer: number) => {
      give(ptrs, buffer);
      return undefined;
    }),
    args_sizes_get: guest.hostcall(giveSizes(guest, list)),
  };
}

export function environHostcalls(guest: WasiGuest): HostcallFamily {
  const list = (): readonly string[] => guest.process.environment;
  const prepared = (give: Give): Hostcall =>
    guest.waitingHostcall((first: number, second: number) => {
      const wait = guest.process.prepareEnvironment();
      if (wait !== undefined) return guest.waitFor(wait).then(() => give(first, second));
      give(first, second);
      return undefined;
    });
  return {
    environ_get: prepared(giveStrings(guest, list)),
    environ_sizes_get: prepared(giveSizes(guest, list)),
  };
}

/** Two writes for the whole list: each one looks at the memory anew, and lists are long. */
function giveStrings(guest: WasiGuest, list: () => readonly string[]): Give {
  return (ptrs, buffer) => {
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
  };
}

function giveSizes(guest: WasiGuest, list: () => readonly string[]): Give {
  return (countPtr, bytesPtr) => {
    const texts = list();
    guest.requireRange(countPtr, 4);
    guest.requireRange(bytesPtr, 4);
    guest.writeU32(countPtr, texts.length);
    guest.writeU32(bytesPtr, countBytes(texts));
  };
}

function countBytes(texts: readonly string[]): number {
  let total = 0;
  for (const text of texts) total += text.length + 1;
  return total;
}
