/**
 * Go programs whose start can be done once: recognised by their code alone, with or without names.
 *
 * Every function that Go compiles is `(pc: i32) -> i32`, keeps what lives across a call in linear
 * memory, on a stack of its own, and can be entered again behind each of its calls: that is how its
 * goroutines take turns. `_start` ends in a loop that calls whatever function the place below the
 * stack pointer names. So a program that stands in a hostcall can be taken up again without
 * WebAssembly's stack: by that loop, with the function that made the hostcall named there, which
 * makes it once more. (Go 1.22 to 1.26: `runtime/asm_wasm.s`, `cmd/internal/obj/wasm/wasmobj.go`;
 * older ones draw their random numbers another way.)
 */
import { TerrafirmaError } from '../../errors.ts';
import { ByteReader } from '../binary/reader.ts';
import type { EarlyPlan } from '../meter/contract.ts';
import type { ModuleShape } from '../shape.ts';
import { findDrawing } from './drawing.ts';
import { firstPlace } from './function-names.ts';
import { readGoText } from './text.ts';
import { findTold, type GoTold } from './told.ts';

/** A function that does nothing but call an import, with arguments that lie on Go's stack. */
export interface ImportWrapper {
  readonly module: string;
  readonly name: string;
  /** Where the table of functions has it: what Go calls PC_F. */
  readonly place: number;
}

export interface GoStart extends EarlyPlan {
  /** None for an import that is called in different ways. */
  readonly wrappers: readonly ImportWrapper[];
  /** Undefined where that is not found: then its start is told nothing of a request's. */
  readonly told: GoTold | undefined;
}

/** Of the eight globals: the stack pointer, registers, and the flag that ends the loop. */
const globalTypes = ['i32', 'i64', 'i64', 'i64', 'i64', 'i64', 'i64', 'i32'];
const entry = '_start';
/** Wrappers of the most parameters there are take some 80 bytes. */
const wrapperBytesMax = 256;

/** Undefined for everything that is not exactly as Go's linker makes it. */
export function findGoStart(bytes: Uint8Array, shape: ModuleShape): GoStart | undefined {
  const { globals, tables, memories, importedFunctionCount, start } = shape;
  const types = globals.map(({ type, isMutable, isImported }) =>
    isMutable && !isImported ? type : undefined,
  );
  const functionCount = shape.functionTypes.length - importedFunctionCount;
  if (String(types) !== String(globalTypes) || start !== undefined) return undefined;
  if (tables.length !== 1 || tables[0]?.entriesMin !== firstPlace + functionCount) {
    return undefined;
  }
  if (memories.length !== 1 || memories[0]?.is64 !== false) return undefined;
  const resume = findLoop(bytes, shape);
  if (resume === undefined) return undefined;
  const text = readGoText(bytes, shape);
  const watched = text && findDrawing(text);
  if (text === undefined || watched === undefined) return undefined;
  const told = findTold(text);
  return { resume, wrappers: findWrappers(bytes, shape), watched, told, stops: told?.readers };
}

/** Bytes of the body of a function, its locals included; undefined for an import. */
function bodyOf(bytes: Uint8Array, shape: ModuleShape, index: number): Uint8Array | undefined {
  const body = index - shape.importedFunctionCount;
  const start = shape.bodies[body * 2];
  const end = shape.bodies[body * 2 + 1];
  return body < 0 || start === undefined || end === undefined
    ? undefined
    : bytes.subarray(start, end);
}

function findLoop(bytes: Uint8Array, shape: ModuleShape): number | undefined {
  const exported = shape.exports.find(({ name, kind }) => name === entry && kind === 'func');
  const body = bodyOf(bytes, shape, exported?.index ?? -1);
  const loop = body && readEntry(body);
  const loopBody = loop === undefined ? undefined : bodyOf(bytes, shape, loop);
  if (loop === undefined || loopBody === undefined) return undefined;
  const isLoop = loopCodes.some((code) => Buffer.compare(loopBody, code) === 0);
  return isLoop && isPlain(shape, loop) ? loop : undefined;
}

/** Whether a function has neither parameters nor results. */
function isPlain({ types, functionTypes }: ModuleShape, index: number): boolean {
  const type = types[functionTypes[index] ?? -1];
  return type?.kind === 'func' && type.params.length === 0 && type.results.length === 0;
}

/**
 *   SP = constant; drop(rt0_go(0)); loop(); return
 *
 * Answers the index of `loop`.
 */
function readEntry(body: Uint8Array): number | undefined {
  const reader = new ByteReader(body);
  const expect = (...wanted: readonly number[]): boolean =>
    wanted.every((byte) => reader.pos < body.length && reader.readByte() === byte);
  if (!expect(0x00, 0x42)) return undefined;
  reader.skipLeb(10);
  if (!expect(0xa7, 0x24, 0x00, 0x41, 0x00, 0x10)) return undefined;
  reader.readU32();
  if (!expect(0x1a, 0x10)) return undefined;
  const loop = reader.readU32();
  return expect(0x0f, 0x00, 0x0b) && reader.pos === body.length ? loop : undefined;
}

/**
 *   if (!PAUSE) do { drop(table[number at SP - 6](u16 at SP - 8)) } while (!PAUSE)
 *   PAUSE = 0; return
 *
 * The number has 32 bits (`i32.load`), up to Go 1.24 16 (`i32.load16_u`).
 */
const loopCodes = [
  [0x28, 0x02],
  [0x2f, 0x01],
].map((load) =>
  Uint8Array.of(
    ...[0x00, 0x23, 0x07, 0x45, 0x04, 0x40, 0x03, 0x40],
    ...[0x23, 0x00, 0x41, 0x08, 0x6b, 0x2f, 0x01, 0x00],
    ...[0x23, 0x00, 0x41, 0x08, 0x6b, ...load, 0x02, 0x11, 0x00, 0x00, 0x1a],
    ...[0x23, 0x07, 0x45, 0x0d, 0x00, 0x0b, 0x0b, 0x41, 0x00, 0x24, 0x07, 0x0f, 0x00, 0x0b],
  ),
);

/** What is known of all functions that call one import. */
interface Found {
  readonly wrapper: ImportWrapper;
  /** The body without the number of the import. */
  readonly code: string;
  isAmbiguous: boolean;
}

function findWrappers(bytes: Uint8Array, shape: ModuleShape): readonly ImportWrapper[] {
  const imports = shape.imports.filter(({ kind }) => kind === 'func');
  const found = new Map<string, Found>();
  for (let body = 0; body * 2 < shape.bodies.length; body += 1) {
    const code = bytes.subarray(shape.bodies[body * 2] ?? 0, shape.bodies[body * 2 + 1] ?? 0);
    const called = code.length > wrapperBytesMax ? undefined : readWrapper(code);
    const wanted = imports[called?.import ?? -1];
    if (called === undefined || wanted === undefined) continue;
    const { module, name } = wanted;
    const key = JSON.stringify([module, name]);
    const known = found.get(key);
    if (known !== undefined) known.isAmbiguous ||= known.code !== called.code;
    else {
      const wrapper = { module, name, place: firstPlace + body };
      found.set(key, { wrapper, code: called.code, isAmbiguous: false });
    }
  }
  const all = [...found.values()].filter(({ isAmbiguous }) => !isAmbiguous);
  return all.map(({ wrapper }) => wrapper);
}

const Code = { call: 0x10, localGet: 0x20, loadFirst: 0x28, loadLast: 0x35, wrap: 0xa7 } as const;

/**
 * A body that takes the stack pointer, reads its arguments from the stack, calls an import, and
 * does nothing before that which would be otherwise the second time.
 */
function readWrapper(
  body: Uint8Array,
): { readonly import: number; readonly code: string } | undefined {
  try {
    const reader = new ByteReader(body);
    for (let group = reader.readU32(); group > 0; group -= 1) {
      reader.readU32();
      reader.readByte();
    }
    const begin = [reader.readByte(), reader.readByte(), reader.readByte(), reader.readByte()];
    if (String(begin) !== String([0x23, 0x00, 0x21, 0x01])) return undefined;
    for (;;) {
      const op = reader.readByte();
      if (op === Code.call) break;
      const isLoad = op >= Code.loadFirst && op <= Code.loadLast;
      if (op === Code.wrap) continue;
      if (op !== Code.localGet && !isLoad) return undefined;
      reader.skipLeb(5);
      if (isLoad) reader.skipLeb(5);
    }
    const before = Buffer.from(body.subarray(0, reader.pos)).toString('hex');
    const called = reader.readU32();
    const after = Buffer.from(body.subarray(reader.pos)).toString('hex');
    return { import: called, code: `${before} ${after}` };
  } catch (error) {
    // Its bytes end before a call, or hold a number that is none: it is another function.
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}
