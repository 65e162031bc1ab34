/** Hostcalls that write to the log of the guest's owner. */
import { hostcall } from './declare.ts';
import type { TerrariumGuest } from './guest.ts';

/** `len` of a C guest whose message ends at its NUL. */
const nulTerminated = -1;

const message = [
  ['message', 'text'],
  ['message_len', 'length'],
] as const;

export const logHostcalls = [
  hostcall({
    name: 'hostcall_panic_hook',
    params: message,
    results: [],
    waits: true,
    meaning: 'the last words before a trap, for the log',
    spec: '',
    /** The message goes to the log only; the guest traps itself right after. */
    call: (guest) => (ptr, len) => {
      const text = readMessage(guest, ptr, len);
      guest.early.log.write('error', `panic: ${text}`);
    },
  }),

  hostcall({
    name: 'hostcall_debug',
    params: message,
    results: [],
    waits: true,
    meaning: 'a line for the log; length -1 means "up to the NUL"',
    spec: '',
    call: (guest) => (ptr, len) => {
      const text = readMessage(guest, ptr, len);
      guest.early.log.write('info', text);
    },
  }),
];

/** The message at `ptr`, cut at what the log of a run may hold. */
function readMessage(guest: TerrariumGuest, ptr: number, len: number): string {
  const bytesMax = guest.limits.logBytesPerRunMax;
  if (len === nulTerminated) {
    return guest.memory.readUtf8Lossy(ptr, guest.memory.measureCString(ptr, bytesMax), bytesMax);
  }
  guest.memory.requireRange(ptr, len);
  return guest.memory.readUtf8Lossy(ptr, Math.min(len >>> 0, bytesMax), bytesMax);
}
