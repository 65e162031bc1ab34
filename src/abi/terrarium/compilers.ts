/**
 * Imports that compilers add without being asked. They are no hostcalls of the contract, but a
 * module that has them is a good one.
 */
import type { HostcallFamily, TerrariumGuest } from './guest.ts';

/** An AssemblyScript string's length in bytes stands right before its UTF-16 text. */
const lengthBytes = 4;
const textBytesMax = 2_048;

export function compilerImports(guest: TerrariumGuest): HostcallFamily {
  return {
    /** Emscripten tells its JavaScript that views are stale; ours never are. */
    emscripten_notify_memory_growth: {
      waits: false,
      call: (_memoryIndex: number): void => undefined,
    },

    /** A failed assertion or an exception of AssemblyScript: message, file, line, column. */
    abort: {
      waits: false,
      call: (messagePtr: number, filePtr: number, line: number, column: number): never => {
        const message = readString(guest, messagePtr);
        const file = readString(guest, filePtr);
        const text = `abort: ${message} at ${file}:${line >>> 0}:${column >>> 0}`;
        guest.currentRun?.capabilities.log.write('error', text);
        return guest.trap(text);
      },
    },
  };
}

/**
 * The text of the AssemblyScript string at `ptr`, cut; empty for null.
 *
 *   ptr - 4: u32 length in bytes      ptr: UTF-16LE
 */
function readString(guest: TerrariumGuest, ptr: number): string {
  const start = ptr >>> 0;
  if (start === 0) return '';
  const { memory } = guest;
  if (!memory.holds(start - lengthBytes, lengthBytes)) return '?';
  const len = Math.min(memory.readU32(start - lengthBytes), textBytesMax);
  return memory.holds(start, len) ? memory.readUtf16(start, len, textBytesMax) : '?';
}
