/**
 * Whether hostcalls have room on the stack. A guest that was not given a stack of its own has
 * called itself as deep as it likes on the thread's, and what runs in its hostcalls runs above it:
 * a function of the host that finds no room would throw in the middle of what it does, and leave
 * what all guests share half done. So a hostcall begins with a function that asks for more of the
 * stack than any hostcall takes, and uses nothing of it: where there is not so much left the guest
 * has overflown its stack, and the host was not called.
 */
import { ownModuleName } from './crossing-module.ts';
import { moduleHead, nameSection, number, section, text } from './small-module.ts';

/** What hostcalls have, in KiB. */
export const stackRoomKib = 32;

const vectorBytes = 16;
const values = (stackRoomKib * 1024) / vectorBytes;
/** One more than the last is written. */
const memoryPages = 2;

/**
 * To be called first; takes two nanoseconds.
 *
 * @throws RangeError, as V8 does where a stack overflows
 */
export function openStackRoom(): WebAssembly.ImportValue {
  const module = new WebAssembly.Module(roomBytes());
  const { exports } = new WebAssembly.Instance(module, { host: { nothing: () => undefined } });
  return exports.require as WebAssembly.ImportValue;
}

/**
 *   (module $terrafirma-entrance
 *     (import "host" "nothing" (func $nothing))
 *     (memory 2)
 *     (global $never (export "never") (mut i32) (i32.const 0))
 *     (func (export "require")
 *       (if (global.get $never)
 *         (then
 *           (i32.const 0) (v128.load (i32.const 16)) … ;; as many as fill the room
 *           (call $nothing)                            ;; all of them lie on the stack here
 *           v128.store …))))
 */
function roomBytes(): Uint8Array<ArrayBuffer> {
  const body = roomBody();
  const codeHead = [1, ...number(body.length)];
  const head = [
    ...moduleHead,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(2, [1, ...text('host'), ...text('nothing'), 0, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, memoryPages]),
    ...section(6, [1, 0x7f, 1, 0x41, 0, 0x0b]),
    ...section(7, [2, ...text('never'), 3, 0, ...text('require'), 0, 1]),
    ...[10, ...number(codeHead.length + body.length), ...codeHead],
  ];
  const name = nameSection(ownModuleName);
  const bytes = new Uint8Array(head.length + body.length + name.length);
  bytes.set(head);
  // By the array: spread as arguments it would take milliseconds.
  bytes.set(body, head.length);
  bytes.set(name, head.length + body.length);
  return bytes;
}

function roomBody(): readonly number[] {
  const body = [0, 0x23, 0, 0x04, 0x40];
  for (let value = 0; value < values; value += 1) {
    pushAddress(body, value * vectorBytes);
    pushAddress(body, (value + 1) * vectorBytes);
    body.push(0xfd, 0, 4, 0);
  }
  body.push(0x10, 0);
  for (let value = 0; value < values; value += 1) body.push(0xfd, 0x0b, 4, 0);
  body.push(0x0b, 0x0b);
  return body;
}

/** `i32.const` of up to 2^20, in three bytes whatever it is. */
function pushAddress(body: number[], address: number): void {
  body.push(0x41, (address & 0x7f) | 0x80, ((address >>> 7) & 0x7f) | 0x80, address >>> 14);
}
