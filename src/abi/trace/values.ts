/**
 * What stands behind the arguments of a hostcall, in words that a person reads. Looks into the
 * guest's memory and trusts nothing there: what does not lie in it is shown as its address.
 */
import type { HostcallFacts, Value, ValueType } from '../hostcall.ts';
import type { GuestMemory } from '../memory.ts';
import {
  type CallSight,
  hidden,
  itemsShownMax,
  showOutside,
  showText,
  textBytesShownMax,
} from './shown.ts';
import { typedAnswer, typedGiven } from './typed-values.ts';

const sliceBytes = 8;

/** Headers whose values open doors. */
const secretHeader = /auth|cookie|token|secret|password|session|api-?key|signature/i;

/** The arguments that a guest gives, as they are before the call. */
export function describeGiven(call: CallSight): readonly string[] {
  const { typed } = call.facts;
  if (typed !== undefined) return typedGiven(call, typed);
  const words: string[] = [];
  for (const [at, [name, type]] of call.facts.params.entries()) {
    if (isOfPair(type) || isForResult(type)) continue;
    words.push(`${name}=${describeArgument(call, at, type)}`);
  }
  return words;
}

/** What the host gave: the result, then what it wrote through addresses. */
export function describeAnswer(call: CallSight, result: unknown): readonly string[] {
  const { typed } = call.facts;
  if (typed !== undefined) return typedAnswer(call, typed, result);
  const words = call.facts.results.map((value) => describeResult(call.facts, value, result));
  for (const [at, [name, type]] of call.facts.params.entries()) {
    if (type === 'out_filled') words.push(describeRoomFilled(call, at, result));
    else if (isForResult(type)) words.push(`${name}=${describeWritten(call, at, type)}`);
    if (type === 'targets' && result === 0) words.push(`${name}=${describeFilled(call, at)}`);
  }
  return words;
}

function isOfPair(type: ValueType): boolean {
  return type === 'length' || type === 'count' || type === 'out_length';
}

/** Whether it is worth a look after the call alone. */
function isForResult(type: ValueType): boolean {
  return type.startsWith('out_') && type !== 'out_length';
}

function describeArgument(call: CallSight, at: number, type: ValueType): string {
  const value = numberAt(call, at);
  switch (type) {
    case 'text':
      return hidesValues(call, at) ? hidden : describeText(call, value, numberAt(call, at + 1));
    case 'bytes':
      return describeBytes(call, value, numberAt(call, at + 1));
    case 'list':
      return hidesValues(call, at) ? hidden : describeList(call, value, numberAt(call, at + 1));
    case 'handles':
      return describeHandles(call, value, numberAt(call, at + 1));
    case 'sources':
      return describeSources(call, value, numberAt(call, at + 1));
    case 'targets':
      return describeRoom(call, value, numberAt(call, at + 1));
    case 'room':
    case 'text_room':
      return `${numberAt(call, at + 1) >>> 0} bytes`;
    default:
      return describeNumber(type, call.args[at] ?? 0);
  }
}

/** Of what the host writes to an address; 4 where nothing stands here. */
const writtenBytes: ReadonlyMap<ValueType, number> = new Map([
  ['out_number16', 2],
  ['out_number64', 8],
  ['out_signed64', 8],
]);

function describeWritten(call: CallSight, at: number, type: ValueType): string {
  const ptr = numberAt(call, at);
  if (ptr === 0) return '0x0';
  const { memory } = call.host;
  if (!memory.holds(ptr, writtenBytes.get(type) ?? 4)) return describeNumber('address', ptr);
  if (type === 'out_number16') return `${memory.readU16(ptr)}`;
  if (type === 'out_number64') return `${memory.readU64(ptr)}`;
  if (type === 'out_signed64') return `${BigInt.asIntN(64, memory.readU64(ptr))}`;
  const value = memory.readU32(ptr);
  if (type === 'out_handle') return `${value | 0}`;
  if (type === 'out_number' || type === 'out_fd') return `${value}`;
  const lengthPtr = numberAt(call, at + 1);
  if (!memory.holds(lengthPtr, 4)) return describeNumber('address', ptr);
  const length = memory.readU32(lengthPtr);
  if (value === 0) return 'nothing';
  if (type === 'out_text') return describeText(call, value, length);
  if (type === 'out_bytes') return describeBytes(call, value, length);
  if (type === 'out_addresses') return `${length} addresses`;
  return hidesValues(call, at) ? hidden : describeList(call, value, length);
}

function describeResult(facts: HostcallFacts, [name, type]: Value, result: unknown): string {
  if (typeof result !== 'number' && typeof result !== 'bigint') return `${name}=?`;
  const named = facts.resultNames?.get(Number(result));
  return named ?? `${name}=${describeNumber(type, result)}`;
}

function describeNumber(type: ValueType, value: number | bigint): string {
  if (typeof value === 'bigint') {
    if (type === 'ends') return `(#${BigInt.asUintN(32, value)}, #${value >> 32n})`;
    if (type === 'signed64') return `${BigInt.asIntN(64, value)}`;
    const unsigned = BigInt.asUintN(64, value);
    return type === 'flags64' ? `0x${unsigned.toString(16)}` : `${unsigned}`;
  }
  if (type === 'handle' || type === 'signed') return `${value | 0}`;
  const unsigned = value >>> 0;
  return type === 'flags' || type === 'address' ? `0x${unsigned.toString(16)}` : `${unsigned}`;
}

/**
 * Whether what stands at `at` belongs to a name that is a secret's: the values that come with a
 * header's name, not the name.
 */
function hidesValues(call: CallSight, at: number): boolean {
  if (call.showsSecrets) return false;
  const nameAt = call.facts.params.findIndex(([name, type]) => name === 'name' && type === 'text');
  if (nameAt === -1 || nameAt === at) return false;
  const [ptr, len] = [numberAt(call, nameAt), numberAt(call, nameAt + 1)];
  const { memory } = call.host;
  return !memory.holds(ptr, len) || secretHeader.test(readShown(memory, ptr, len));
}

function describeText(call: CallSight, ptr: number, len: number): string {
  const { memory } = call.host;
  if (!memory.holds(ptr, len)) return showOutside(ptr, len);
  return showText(readShown(memory, ptr, len), len >>> 0, call.showsSecrets);
}

function describeBytes(call: CallSight, ptr: number, len: number): string {
  if (!call.host.memory.holds(ptr, len)) return showOutside(ptr, len);
  return call.showsSecrets ? describeText(call, ptr, len) : `${len >>> 0} bytes`;
}

function describeList(call: CallSight, ptr: number, count: number): string {
  const slices = readSlices(call, ptr, count);
  if (slices === undefined) return showOutside(ptr, count);
  const words = slices.map((slice) => describeText(call, slice.ptr, slice.len));
  if (count >>> 0 > slices.length) words.push(`${(count >>> 0) - slices.length} more`);
  return `[${words.join(', ')}]`;
}

function describeHandles({ host: { memory } }: CallSight, ptr: number, count: number): string {
  const shown = Math.min(count >>> 0, itemsShownMax);
  if (!memory.holds(ptr, shown * 4)) return showOutside(ptr, count);
  const words = Array.from(
    { length: shown },
    (_, index) => `${memory.readI32((ptr >>> 0) + index * 4)}`,
  );
  if (count >>> 0 > shown) words.push(`${(count >>> 0) - shown} more`);
  return `[${words.join(', ')}]`;
}

function describeSources(call: CallSight, ptr: number, count: number): string {
  const slices = readSlices(call, ptr, count);
  if (slices === undefined) return showOutside(ptr, count);
  const words = slices.map((slice) => describeBytes(call, slice.ptr, slice.len));
  if (count >>> 0 > slices.length) words.push(`${(count >>> 0) - slices.length} more`);
  return `[${words.join(', ')}]`;
}

function describeRoom(call: CallSight, ptr: number, count: number): string {
  const slices = readSlices(call, ptr, count);
  if (slices === undefined) return showOutside(ptr, count);
  const words = slices.map(({ len }) => `${len} bytes`);
  if (count >>> 0 > slices.length) words.push(`${(count >>> 0) - slices.length} more`);
  return `[${words.join(', ')}]`;
}

/** What the host put into the first slice; how much in all stands behind another address. */
function describeFilled(call: CallSight, at: number): string {
  const countAt = call.facts.params.findIndex(([, type]) => type === 'out_number');
  const countPtr = numberAt(call, countAt);
  const [first] = readSlices(call, numberAt(call, at), numberAt(call, at + 1)) ?? [];
  if (first === undefined || !call.host.memory.holds(countPtr, 4)) return 'nothing';
  const count = call.host.memory.readU32(countPtr);
  return describeBytes(call, first.ptr, Math.min(count, first.len));
}

/** What the host put into the last room before `at`; after a failure only the length is of use. */
function describeRoomFilled(call: CallSight, at: number, result: unknown): string {
  const { params } = call.facts;
  const roomAt = params.findLastIndex(
    ([, type], index) => index < at && (type === 'room' || type === 'text_room'),
  );
  const [name, type] = params[roomAt] ?? ['', 'room'];
  const lengthPtr = numberAt(call, at);
  if (lengthPtr === 0 || !call.host.memory.holds(lengthPtr, 4)) return `${name}=?`;
  const length = call.host.memory.readU32(lengthPtr);
  if (result !== 0) return `${name}=${length} bytes`;
  if (hidesValues(call, roomAt)) return `${name}=${hidden}`;
  const describe = type === 'text_room' ? describeText : describeBytes;
  return `${name}=${describe(call, numberAt(call, roomAt), length)}`;
}

interface Slice {
  readonly ptr: number;
  readonly len: number;
}

/** The first of them; undefined where they do not lie in memory. */
function readSlices(
  { host: { memory } }: CallSight,
  ptr: number,
  count: number,
): Slice[] | undefined {
  const shown = Math.min(count >>> 0, itemsShownMax);
  if (!memory.holds(ptr, shown * sliceBytes)) return undefined;
  return Array.from({ length: shown }, (_, index) => {
    const at = (ptr >>> 0) + index * sliceBytes;
    return { ptr: memory.readU32(at), len: memory.readU32(at + 4) };
  });
}

function readShown(memory: GuestMemory, ptr: number, len: number): string {
  const length = Math.min(len >>> 0, textBytesShownMax);
  return memory.readUtf8Lossy(ptr, length, textBytesShownMax);
}

function numberAt({ args }: CallSight, at: number): number {
  return Number(args[at] ?? 0);
}
