/**
 * Imports that compilers add without being asked. They are no hostcalls of the contract, but a
 * module that has them is a good one.
 */
import { hostcall } from './declare.ts';
import type { TerrariumGuest } from './guest.ts';

/** An AssemblyScript string's length in bytes stands right before its UTF-16 text. */
const lengthBytes = 4;
const textBytesMax = 2_048;

export const compilerImports = [
  hostcall({
    name: 'emscripten_notify_memory_growth',
    params: [['memory', 'index']],
    results: [],
    waits: false,
    meaning: 'Emscripten: its memory has grown',
    spec: '',
    // It tells JavaScript that views are stale; ours never are.
    call: () => (_memoryIndex) => undefined,
  }),

  hostcall({
    name: 'abort',
    params: [
      ['message', 'address'],
      ['file', 'address'],
      ['line', 'number'],
      ['column', 'number'],
    ],
    results: [],
    waits: false,
    meaning: 'AssemblyScript: a failed assertion or an exception; traps',
    spec: '',
    call: (guest) => (messagePtr, filePtr, line, column) => {
      const message = readString(guest, messagePtr);
      const file = readString(guest, filePtr);
      const text = `abort: ${message} at ${file}:${line >>> 0}:${column >>> 0}`;
      guest.currentRun?.capabilities.log.write('error', text);
      return guest.trap(text);
    },
  }),
];

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
