/**
 * Which of a Go program's functions draw random numbers, of which a program whose start is done
 * once would have the same in each request.
 *
 * Go's runtime asks the host once, and draws everything from that: seeds of maps, which are
 * nobody's business, but also what `math/rand` gives. That is done by one function, `runtime.rand`,
 * and some that call it. So calls of those are watched that stand in other packages than the
 * runtime's own.
 */
import { InstructionCursor } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { skipLocals } from '../binary/scan.ts';
import type { WatchedCalls } from '../meter/contract.ts';
import type { ModuleShape } from '../shape.ts';
import { readDataImage } from './data-image.ts';
import { firstPlace, readFunctionNames } from './function-names.ts';

const runtimeDrawing =
  /^runtime\.(?:rand(?:32|n)?|cheaprand(?:64|n)?|bootstrapRand|maps_rand|\w{0,9}fastrand\w{0,9})$/;
const mapsDrawing = 'internal/runtime/maps.rand';
/** Where each draw of the runtime's own generator ends, sooner or later. */
const generatorName = /^internal\/chacha8rand\.\(\*State\)\.(?:Next|Refill|Reseed)$/;
/** Calls of each are looked for in all of the code: Mallory may name all her functions so. */
const generatorsMax = 3;
/** They seed maps, and choose at random what is right either way. */
const ownPackages: ReadonlySet<string> = new Set([
  'runtime',
  'internal/runtime/maps',
  'internal/chacha8rand',
  'internal/concurrent',
  'internal/godebug',
  'internal/sync',
  'sync',
  'unique',
]);
/** Besides, a generator of its own has what the program gives it. */
const generatorUsers =
  /^(?:runtime\.(?:rand|randinit|bootstrapRand(?:Reseed)?)|math\/rand\/v2\..*)$/;
const linearBytesMax = 256 * 1024 * 1024;

/** Undefined where it cannot be told who draws. */
export function findDrawing(bytes: Uint8Array, shape: ModuleShape): WatchedCalls | undefined {
  const image = readDataImage(bytes, shape, linearBytesMax);
  const bodies = shape.bodies.length / 2;
  const names = image && readFunctionNames(image, bodies);
  if (image === undefined || names === undefined) return undefined;
  const { importedFunctionCount } = shape;
  const callees = new Set<number>();
  const generators = new Set<number>();
  const exempt = new Set<number>();
  let isDrawing = false;
  for (const [body, name] of names) {
    const index = importedFunctionCount + body;
    if (runtimeDrawing.test(name) || name === mapsDrawing) callees.add(index);
    if (name === 'runtime.rand') isDrawing = true;
    if (generatorName.test(name)) generators.add(index);
    if (ownPackages.has(packageOf(name))) exempt.add(index);
  }
  if (!isDrawing || generators.size === 0 || generators.size > generatorsMax) return undefined;
  if (isReferredTo(image, [...callees, ...generators], importedFunctionCount)) return undefined;
  const isAllowed = (body: number): boolean => {
    const name = names.get(body) ?? '';
    return generatorUsers.test(name) || packageOf(name) === 'internal/chacha8rand';
  };
  for (const body of findCallers(bytes, shape, generators)) if (!isAllowed(body)) return undefined;
  return { callees, exempt };
}

/** `net/http` of `net/http.(*Client).Do`. */
function packageOf(name: string): string {
  const plain = name.replace(/[[(].*$/s, '');
  const dot = plain.indexOf('.', plain.lastIndexOf('/') + 1);
  return dot < 0 ? plain : plain.slice(0, dot);
}

/** Whether there is a pointer to one of the functions: such a call is not seen. */
function isReferredTo(image: Buffer, functions: readonly number[], imported: number): boolean {
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
function findCallers(
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
function bodyAt(bodies: Uint32Array, at: number): number {
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
