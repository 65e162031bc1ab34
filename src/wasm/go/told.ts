/**
 * Where a Go program keeps what it was told when it began, its arguments and its environment, and
 * which of its functions look there.
 *
 * The runtime copies both before any package is initialised. `os.Args` and `syscall.envs` are made
 * of its copies, by one function each, and all that looks at them afterwards is code that names the
 * address of the one or the other: Go's compiler has no other way to reach a variable. So a start
 * may go on for as long as none of those functions is entered. (Go 1.22 to 1.26:
 * `syscall/env_unix.go`, `os/proc.go`, `runtime/runtime.go`.)
 */
import { InstructionCursor } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { skipLocals } from '../binary/scan.ts';
import type { GoToldPlaces } from '../meter/contract.ts';
import type { ModuleShape } from '../shape.ts';
import { bodyAt, findCallers, isReferredTo } from './callers.ts';
import { firstPlace } from './function-names.ts';
import type { GoText } from './text.ts';

export interface GoTold {
  readonly places: GoToldPlaces;
  /** Functions that look at what the program was told, but for those that lay it out; indices. */
  readonly readers: ReadonlySet<number>;
}

const lookupName = 'syscall.Getenv';
const runtimeLookupName = 'runtime.gogetenv';
const ofRuntime = /^runtime\.[^/]*$/;
/**
 * It takes `os.Args[0]` for the name of its set of flags, `flag.CommandLine`, and looks at nothing
 * of it. Nor does the rest of the package before it looks at arguments, or writes.
 */
const flagInit = /^flag\.init\.\d+$/;
const ofFlag = /^flag\.[^/]*$/;
const sliceBytes = 24;
const wordBytes = 8;
/** Go's linker has its data behind this: such an address has three bytes in code, or more. */
const addressMin = 0x4000;
/** `noptrdata` to `enoptrbss` in runtime.moduledata. */
const bordersNear = 3;
const i64Load32 = 0x35;
/** What one byte of a number in code stands for. */
const groupSize = 0x80;
/** Code has an address as a constant; other bytes may look like one, and are a reader too many. */
const readersMax = 4_096;

interface Source {
  /** The function that gives a copy of what the runtime was told. */
  readonly giver: string;
  /** The one function that calls it, and keeps what it gave. */
  readonly keeper: RegExp;
}

const argumentSource: Source = { giver: 'os.runtime_args', keeper: /^os\.init(?:\.\d+)?$/ };
const environmentSource: Source = { giver: 'syscall.runtime_envs', keeper: /^syscall\.init$/ };

/** Undefined where it cannot be told who looks at it. */
export function findTold(text: GoText): GoTold | undefined {
  const { names, shape } = text;
  const given = findKept(text, argumentSource);
  const environment = findKept(text, environmentSource);
  const lookup = numberOf(names, lookupName);
  if (given === undefined || environment === undefined || lookup === undefined) return undefined;
  if (hasPointers(text.image, [given.at, environment.at], sliceBytes)) return undefined;
  if (!isRuntimesOwn(text)) return undefined;
  const ofArguments = findReaders(text, given.at, sliceBytes);
  const ofEnvironment = findReaders(text, environment.at, sliceBytes);
  ofArguments.delete(given.keeper);
  ofEnvironment.delete(environment.keeper);
  // Whoever looks for a variable must be seen doing so.
  if (!ofEnvironment.has(lookup)) return undefined;
  const flags = findFlagUsers(text, ofArguments, given.at);
  if (flags !== undefined) ofArguments.delete(flags.init);
  const bodies = [...ofArguments, ...ofEnvironment, ...(flags?.users ?? [])];
  const readers = new Set(bodies.map((body) => shape.importedFunctionCount + body));
  if (readers.size > readersMax || ![...readers].every((each) => takesEntry(shape, each))) {
    return undefined;
  }
  const places = {
    argumentsAt: given.at,
    environmentAt: environment.at,
    lookup: firstPlace + lookup,
    copiesArgument: flags !== undefined,
  };
  return { places, readers };
}

/**
 * Whether the runtime's own copies are looked at by the runtime alone. Programs may come to them by
 * `go:linkname`, and would find there what the start was told.
 */
function isRuntimesOwn(text: GoText): boolean {
  const { bytes, shape, names } = text;
  const givers = [argumentSource.giver, environmentSource.giver];
  const isOwn = (body: number): boolean => {
    const name = names.get(body) ?? '';
    return ofRuntime.test(name) || givers.includes(name);
  };
  for (const giver of givers) {
    const body = numberOf(names, giver);
    const copies = body === undefined ? [] : [...readVariables(text, { body })];
    if (copies.length === 0 || hasPointers(text.image, copies, wordBytes)) return false;
    for (const at of copies) {
      if (at < addressMin || ![...findReaders(text, at, wordBytes)].every(isOwn)) return false;
    }
  }
  const lookup = numberOf(names, runtimeLookupName);
  if (lookup === undefined) return true;
  const callee = shape.importedFunctionCount + lookup;
  if (isReferredTo(text.image, [callee], shape.importedFunctionCount)) return false;
  return [...findCallers(bytes, shape, new Set([callee]))].every(isOwn);
}

/** Whether function number `index` can be stopped where it is entered; see `EntryStops`. */
function takesEntry({ types, functionTypes }: ModuleShape, index: number): boolean {
  const type = types[functionTypes[index] ?? -1];
  return type?.kind === 'func' && type.params[0] === 'i32';
}

/**
 * The function of package flag that copies the first argument, and those of other packages that
 * can come to the copy: they name `flag.CommandLine`, the one variable that leads to it. Undefined
 * where there is no such function, or the variable is not found.
 */
function findFlagUsers(
  text: GoText,
  readers: ReadonlySet<number>,
  argumentsAt: number,
): { readonly init: number; readonly users: readonly number[] } | undefined {
  const { names } = text;
  const inits = [...readers].filter((body) => flagInit.test(names.get(body) ?? ''));
  const [init] = inits;
  if (init === undefined || inits.length !== 1) return undefined;
  const [variable, ...others] = readVariables(text, { body: init, besides: argumentsAt });
  if (variable === undefined || others.length > 0) return undefined;
  if (variable < addressMin || hasPointers(text.image, [variable], wordBytes)) return undefined;
  const users = [...findReaders(text, variable, wordBytes)];
  return { init, users: users.filter((body) => !ofFlag.test(names.get(body) ?? '')) };
}

function numberOf(names: GoText['names'], wanted: string): number | undefined {
  let found: number | undefined;
  for (const [body, name] of names) {
    if (name !== wanted) continue;
    if (found !== undefined) return undefined;
    found = body;
  }
  return found;
}

/** The variable that the one caller of `giver` writes what it was given to, and that caller. */
function findKept(
  { bytes, shape, image, names }: GoText,
  { giver, keeper }: Source,
): { readonly at: number; readonly keeper: number } | undefined {
  const number = numberOf(names, giver);
  if (number === undefined) return undefined;
  const callee = shape.importedFunctionCount + number;
  if (isReferredTo(image, [callee], shape.importedFunctionCount)) return undefined;
  const callers = [...findCallers(bytes, shape, new Set([callee]))];
  const [caller] = callers;
  if (caller === undefined || callers.length !== 1) return undefined;
  if (!keeper.test(names.get(caller) ?? '')) return undefined;
  const at = readKeptAddress(bytes, shape, { body: caller, callee });
  return at === undefined ? undefined : { at, keeper: caller };
}

/**
 * The address whose 24 bytes are written first behind the one call: length and capacity, and the
 * pointer, where the collector wants to know of that, somewhat later.
 */
function readKeptAddress(
  bytes: Uint8Array,
  shape: ModuleShape,
  { body, callee }: { readonly body: number; readonly callee: number },
): number | undefined {
  const written: number[] = [];
  let isBehind = false;
  for (const cursor of instructionsOf({ bytes, shape }, body)) {
    const { op, a, at } = cursor;
    if (op === Op.call && a === callee) {
      if (isBehind) return undefined;
      isBehind = true;
    } else if (isBehind && op === Op.i64Const) {
      const address = readStoreAddress(bytes, at);
      if (address !== undefined) written.push(address);
    }
  }
  const [first, second] = written.slice(0, 2).sort((one, other) => one - other);
  if (first === undefined || second !== first + wordBytes) return undefined;
  const address = first - wordBytes;
  return written.includes(address) && address >= addressMin ? address : undefined;
}

/** The cursor on each instruction of a function in turn. */
function* instructionsOf(
  { bytes, shape }: Pick<GoText, 'bytes' | 'shape'>,
  body: number,
): Generator<InstructionCursor> {
  const end = shape.bodies[body * 2 + 1] ?? 0;
  const cursor = new InstructionCursor(bytes, shape.bodies[body * 2] ?? 0, end);
  skipLocals(cursor, bytes.length, shape.types.length);
  while (cursor.next()) yield cursor;
}

/**
 * The variables of one word that `body` reads and writes by a constant, `i64.const ADDRESS;
 * i32.wrap_i64`; but for what is half a word, the collector's flag.
 */
function readVariables(
  text: GoText,
  { body, besides }: { readonly body: number; readonly besides?: number },
): ReadonlySet<number> {
  const { bytes } = text;
  const found = new Set<number>();
  for (const { op, at } of instructionsOf(text, body)) {
    const constant = op === Op.i64Const ? readSigned(bytes, at + 1) : undefined;
    if (constant === undefined || bytes[constant.end] !== 0xa7) continue;
    const { value, end } = constant;
    const isBeside = besides !== undefined && value >= besides && value < besides + sliceBytes;
    if (!isBeside && bytes[end + 1] !== i64Load32) found.add(value);
  }
  return found;
}

/** Of `i64.const ADDRESS; i32.wrap_i64; local.get N; i64.store 0`, what the compiler makes. */
function readStoreAddress(bytes: Uint8Array, at: number): number | undefined {
  const constant = readSigned(bytes, at + 1);
  if (constant === undefined) return undefined;
  const { value, end } = constant;
  const wrapLength = 1;
  const local = readSigned(bytes, end + wrapLength + 1);
  if (bytes[end] !== 0xa7 || bytes[end + wrapLength] !== 0x20 || local === undefined) {
    return undefined;
  }
  const isStore = [0x37, 0x03, 0x00].every((byte, place) => bytes[local.end + place] === byte);
  return isStore && value >= 0 ? value : undefined;
}

/** A number of up to five bytes, as code has it. */
function readSigned(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let place = 0; place < 5; place += 1) {
    const byte = bytes[at + place] ?? 0;
    value += (byte & 0x7f) * 2 ** (place * 7);
    if (byte >= 0x80) continue;
    const sign = 2 ** (place * 7 + 7);
    return { value: (byte & 0x40) === 0 ? value : value - sign, end: at + place + 1 };
  }
  return undefined;
}

/** Whether data have a pointer into one of the variables at `addresses`, each of so many bytes. */
function hasPointers(image: Buffer, addresses: readonly number[], bytes: number): boolean {
  const words = new Uint32Array(image.buffer, image.byteOffset, Math.floor(image.length / 8) * 2);
  for (let word = 0; word < words.length; word += 2) {
    if (words[word + 1] !== 0) continue;
    const low = words[word] ?? 0;
    const isPointer = addresses.some((at) => low >= at && low < at + bytes);
    if (isPointer && !isBorder(words, word)) return true;
  }
  return false;
}

/**
 * Whether the pointer says where a section of data begins or ends, as the runtime knows them: it
 * stands in a row of such, and what is the first in its section may be at that address.
 */
function isBorder(words: Uint32Array, word: number): boolean {
  let before = 0;
  for (let near = word - bordersNear * 2; near <= word + bordersNear * 2; near += 2) {
    const border = words[near] ?? 0;
    if (border === 0 || border < before || words[near + 1] !== 0) return false;
    before = border;
  }
  return (words[word - bordersNear * 2] ?? 0) < before;
}

/** The bodies with a constant that is an address in the variable at `at`, of so many bytes. */
function findReaders({ bytes, shape }: GoText, at: number, size: number): Set<number> {
  const { bodies } = shape;
  const code = Buffer.from(bytes.buffer, bytes.byteOffset, bodies.at(-1) ?? 0);
  const readers = new Set<number>();
  const firstGroup = Math.floor(at / groupSize);
  const lastGroup = Math.floor((at + size - 1) / groupSize);
  for (let group = firstGroup; group <= lastGroup; group += 1) {
    // The first byte of each is looked at afterwards: `i64.const` alone is everywhere.
    const rest = groupsOf(group);
    const isAddress = (low: number): boolean => {
      const address = group * groupSize + low - 0x80;
      return low >= 0x80 && address >= at && address < at + size;
    };
    for (let found = code.indexOf(rest, bodies[0]); found >= 0; ) {
      let next = found + 1;
      if (code[found - 2] === Op.i64Const && isAddress(code[found - 1] ?? 0)) {
        const body = bodyAt(bodies, found);
        readers.add(body);
        // The rest of it is passed: there may be millions such.
        next = Math.max(next, bodies[body * 2 + 1] ?? 0);
      }
      found = code.indexOf(rest, next);
    }
  }
  return readers;
}

/** Of a number as code has it, seven bits a byte: all groups but the first, as few as can be. */
function groupsOf(value: number): Buffer {
  const code: number[] = [];
  let rest = value;
  for (; rest >= 0x40; rest = Math.floor(rest / groupSize)) code.push((rest % groupSize) | 0x80);
  return Buffer.from([...code, rest]);
}
