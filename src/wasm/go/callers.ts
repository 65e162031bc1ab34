/** Who calls a function of a module, or has a pointer to it, as far as code and data say. */
import { InstructionCursor } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { skipLocals } from '../binary/scan.ts';
import type { ModuleShape } from '../shape.ts';
import { firstPlace } from './function-names.ts';

/** Whether there is a pointer to one of the functions: such a call is not seen. */
export function isReferredTo(
  image: Buffer,
  functions: readonly number[],
  imported: number,
): boolean {
  const places = new Set(functions.map((index) => firstPlace + index - imported));
  const words = new Uint32Array(image.buffer, image.byteOffset, Math.floor(image.length / 8) * 2);
  for (let word = 0; word < words.length; word += 2) {
    const low = words[word] ?? 0;
    if ((low & 0xffff) !== 0 || low === 0) continue;
    if (places.has((words[word + 1] ?? 0) * 0x1_0000 + (low >>> 16))) return true;
  }
  return false;
}

/** The bodies with a call of one of `callees`. */
export function findCallers(
  bytes: Uint8Array,
  shape: ModuleShape,
  callees: ReadonlySet<number>,
): ReadonlySet<number> {
  const { bodies } = shape;
  const code = Buffer.from(bytes.buffer, bytes.byteOffset, bodies.at(-1) ?? 0);
  const callers = new Set<number>();
  const looked = new Set<number>();
  for (const call of [...callees].flatMap(callsOf)) {
    // Each body is looked at once, and its other bytes are passed: there may be millions such.
    for (let at = code.indexOf(call, bodies[0]); at >= 0; ) {
      const body = bodyAt(bodies, at);
      if (!looked.has(body) && callsAny(bytes, shape, { body, callees })) callers.add(body);
      looked.add(body);
      at = code.indexOf(call, Math.max(at + 1, bodies[body * 2 + 1] ?? 0));
    }
  }
  return callers;
}

/** Number of the last body that begins at `at` or before, 0 where none does. */
export function bodyAt(bodies: Uint32Array, at: number): number {
  let low = 0;
  let high = bodies.length / 2;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((bodies[middle * 2] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low;
}

function callsAny(
  bytes: Uint8Array,
  shape: ModuleShape,
  { body, callees }: { readonly body: number; readonly callees: ReadonlySet<number> },
): boolean {
  const end = shape.bodies[body * 2 + 1] ?? 0;
  const cursor = new InstructionCursor(bytes, shape.bodies[body * 2] ?? 0, end);
  skipLocals(cursor, bytes.length, shape.types.length);
  while (cursor.next()) {
    const { op, a: callee } = cursor;
    if ((op === Op.call || op === Op.returnCall) && callees.has(callee)) return true;
  }
  return false;
}

/** The index, as short as can be, and as Go's linker has it: with room for a sign. */
function callsOf(index: number): readonly Buffer[] {
  const code: number[] = [];
  let rest = index;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) code.push((rest % 0x80) | 0x80);
  const forms = [
    [...code, rest],
    [...code, rest | 0x80, 0],
  ];
  return [Op.call, Op.returnCall].flatMap((op) => forms.map((form) => Buffer.from([op, ...form])));
}
