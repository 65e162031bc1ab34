/** Guests that hoard objects and exceptions, byte by byte: no assembler here knows those. */
import { emitModule, nameBytes } from '../../test/wasm/support/assemble.ts';

/** Types of the guest: what the code of `run` may name. */
export const ObjectType = { bytes: 0, references: 1, exceptions: 2, node: 3 } as const;

const runType = 4;
const replyType = 5;
const throwType = 6;
const payloadFields = 1_000;
const v128 = 0x7b;

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 64; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

/** i32.const */
export function number(value: number): number[] {
  return [0x41, ...leb(value)];
}

/** Throws tag 0, with 1,000 vectors, and leaves it as a reference. */
export const heldException: readonly number[] = [
  ...[0x02, 0x69, 0x1f, 0x40, 1, 3, 0],
  ...Array.from({ length: payloadFields }, () => [0xfd, 12, ...Array<number>(16).fill(0)]).flat(),
  ...[0x08, 0, 0x0b, 0x00, 0x0b],
];

/** Does `body` again and again; it may count in local 0. */
export function forever(body: readonly number[]): number[] {
  return [0x03, 0x40, ...body, 0x0c, 0, 0x0b];
}

/** Makes an array of `count` objects; what was held in local 1 before is garbage. */
export function holdObjects(count: number): readonly number[] {
  const { node, references } = ObjectType;
  const array = [...number(count), 0xfb, 7, references, 0x21, 1];
  const put = [0x20, 1, 0x20, 0, 0xfb, 1, node, 0xfb, 14, references];
  const next = [0x20, 0, ...number(1), 0x6a, 0x22, 0, ...number(count), 0x49, 0x0d, 0];
  return [...array, ...number(0), 0x21, 0, 0x03, 0x40, ...put, ...next, 0x0b];
}

/**
 * A Terrarium guest with the code of `run`. Local 0 is a number, local 1 an array of references,
 * local 2 one of exceptions.
 */
export function objectGuest(run: readonly number[]): Uint8Array {
  const reference = [0x63, ObjectType.references];
  const locals = [3, 1, 0x7f, 1, ...reference, 1, 0x63, ObjectType.exceptions];
  return emitModule({
    types: [
      [0x5e, 0x78, 1],
      [0x5e, 0x6e, 1],
      [0x5e, 0x69, 1],
      [0x5f, 1, 0x7f, 1],
      [0x60, 0, 0],
      [0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f],
      [0x60, ...unsigned(payloadFields), ...Array<number>(payloadFields).fill(v128), 0],
    ],
    imports: [[...nameBytes('env'), ...nameBytes('hostcall_resp_set_body'), 0, replyType]],
    functions: [runType],
    memories: [[0, 1]],
    tags: [[0, throwType]],
    exports: { run: 1 },
    bodies: [[...locals, ...run, 0x0b]],
  });
}

function unsigned(value: number): number[] {
  return [(value & 0x7f) | 0x80, value >> 7];
}
