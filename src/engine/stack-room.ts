/**
 * Whether hostcalls have room on the stack. A guest that was not given a stack of its own has
 * called itself as deep as it likes on the thread's, and what runs in its hostcalls runs above it:
 * a function of the host that finds no room would throw in the middle of what it does, and leave
 * what all guests share half done. So a hostcall begins with a function that asks for more of the
 * stack than any hostcall takes, and uses nothing of it: where there is not so much left the guest
 * has overflown its stack, and the host was not called.
 */
import { ownModuleName } from './crossing-module.ts';
import { list, moduleHead, nameSection, number, section, text } from './small-module.ts';

/** What hostcalls have, in KiB. */
export const stackRoomKib = 64;

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
  const taken: number[] = [];
  for (let value = 0; value < values; value += 1) {
    taken.push(0x41, ...signed(value * vectorBytes), 0x41, ...signed((value + 1) * vectorBytes));
    taken.push(0xfd, 0, 4, 0);
  }
  const given = Array.from({ length: values }, () => [0xfd, 0x0b, 4, 0]).flat();
  const body = [0, 0x23, 0, 0x04, 0x40, ...taken, 0x10, 0, ...given, 0x0b, 0x0b];
  return Uint8Array.from([
    ...moduleHead,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(2, [1, ...text('host'), ...text('nothing'), 0, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, memoryPages]),
    ...section(6, [1, 0x7f, 1, 0x41, 0, 0x0b]),
    ...section(7, [2, ...text('never'), 3, 0, ...text('require'), 0, 1]),
    ...section(10, [1, ...list(body)]),
    ...nameSection(ownModuleName),
  ]);
}

/** A number that is not negative, where the format has a sign. */
function signed(value: number): readonly number[] {
  const bytes = number(value);
  const last = bytes.at(-1) ?? 0;
  if ((last & 0x40) === 0) return bytes;
  return [...bytes.slice(0, -1), last | 0x80, 0];
}
