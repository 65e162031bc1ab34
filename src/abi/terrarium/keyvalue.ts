/**
 * Hostcalls of the key-value store, which all requests to one module of one folder share. They
 * have no error result, so a failure of the store traps: a guest told "stored" would lose data.
 */
import { letGo } from '../../account/let-go.ts';
import { inBytes } from '../../amounts.ts';
import { CapabilityRefusal } from '../../capability/refusal.ts';
import type { TrapCode } from '../abi.ts';
import { readPieces, type Steps } from '../steps.ts';
import { hostcall, outBytes } from './declare.ts';
import type { OutWords, TerrariumGuest } from './guest.ts';
import { answerLooking } from './refusals.ts';

const keyBytes = [
  ['key', 'bytes'],
  ['key_len', 'length'],
] as const;
const valueBytes = [
  ['value', 'bytes'],
  ['value_len', 'length'],
] as const;

export const keyValueHostcalls = [
  hostcall({
    name: 'hostcall_kvstore_insert',
    params: [...keyBytes, ...valueBytes],
    results: [['was_absent', 'flag']],
    waits: true,
    meaning: 'stores; 1 if the key was absent before',
    spec: '',
    call: (guest) => (keyPtr, keyLen, valuePtr, valueLen) =>
      store(guest, { key: [keyPtr, keyLen], value: [valuePtr, valueLen] }, (key, value) =>
        guest.run.capabilities.keyValue.insert(key, value),
      ),
  }),

  hostcall({
    name: 'hostcall_kvstore_upsert',
    params: [...keyBytes, ...valueBytes],
    results: [['was_absent', 'flag']],
    waits: true,
    meaning: 'stores **only if the key is absent**, in spite of its name; 1 if it was',
    spec: '',
    call: (guest) => (keyPtr, keyLen, valuePtr, valueLen) =>
      store(guest, { key: [keyPtr, keyLen], value: [valuePtr, valueLen] }, (key, value) =>
        guest.run.capabilities.keyValue.insertIfAbsent(key, value),
      ),
  }),

  hostcall({
    name: 'hostcall_kvstore_append',
    params: [...keyBytes, ...valueBytes],
    results: [['was_absent', 'flag']],
    waits: true,
    meaning: 'appends, or stores if absent; 1 if it was',
    spec: '',
    call: (guest) => (keyPtr, keyLen, valuePtr, valueLen) =>
      store(guest, { key: [keyPtr, keyLen], value: [valuePtr, valueLen] }, (key, value) =>
        guest.run.capabilities.keyValue.append(key, value),
      ),
  }),

  hostcall({
    name: 'hostcall_kvstore_get',
    params: [...outBytes, ...keyBytes],
    results: [['is_there', 'flag']],
    waits: true,
    meaning: '1 and the value, whose address is not 0 even where it is empty; or 0',
    spec: '',
    call: (guest) => (ptr, len, keyPtr, keyLen) => get(guest, { ptr, len }, [keyPtr, keyLen]),
  }),

  hostcall({
    name: 'hostcall_kvstore_remove',
    params: keyBytes,
    results: [['was_there', 'flag']],
    waits: true,
    meaning: '1 if it existed',
    spec: '',
    call: (guest) => (keyPtr, keyLen) => remove(guest, [keyPtr, keyLen]),
  }),
];

type Store = (key: Uint8Array, value: Uint8Array) => Promise<boolean>;

/** 1 when the key was absent before, else 0. */
function* store(
  guest: TerrariumGuest,
  { key, value }: { readonly key: Bytes; readonly value: Bytes },
  how: Store,
): Steps<number> {
  const { kvKeyBytesMax, kvValueBytesMax } = guest.limits;
  const keyRead = yield* readPart(guest, key, { part: 'key', bytesMax: kvKeyBytesMax });
  const valueRead = yield* readPart(guest, value, { part: 'value', bytesMax: kvValueBytesMax });
  const wasAbsent = yield* waitForStore(guest, how(keyRead, valueRead));
  // Only now: what waits for its turn is read later, also when the run has given up waiting.
  letGo(valueRead);
  return wasAbsent ? 1 : 0;
}

/** Not within the declaration: V8 makes three objects more for each generator of each guest. */
function* get(guest: TerrariumGuest, out: OutWords, key: Bytes): Steps<number> {
  guest.giveNothing(out);
  const keyRead = readKeyToFind(guest, key);
  if (keyRead === undefined) return 0;
  const value = yield* lookUp(guest, guest.run.capabilities.keyValue.get(keyRead));
  if (value === undefined) return 0;
  yield* guest.givePresentBytes(out, value) ?? [];
  return 1;
}

function* remove(guest: TerrariumGuest, key: Bytes): Steps<number> {
  const keyRead = readKeyToFind(guest, key);
  if (keyRead === undefined) return 0;
  const work = guest.run.capabilities.keyValue.remove(keyRead);
  return (yield* lookUp(guest, work)) === true ? 1 : 0;
}

type Bytes = readonly [ptr: number, len: number];

function* readPart(
  guest: TerrariumGuest,
  [ptr, len]: Bytes,
  rule: { readonly part: string; readonly bytesMax: number },
): Steps<Uint8Array> {
  guest.memory.requireRange(ptr, len);
  const length = len >>> 0;
  if (length > rule.bytesMax) {
    guest.trap(
      `Cannot store: a ${rule.part} of at most ${inBytes(rule.bytesMax)}: received ${length}`,
    );
  }
  return yield* readPieces(guest.memory, { ptr, len: length });
}

/** Undefined for a key too long to have been stored. */
function readKeyToFind(guest: TerrariumGuest, [ptr, len]: Bytes): Uint8Array | undefined {
  const bytesMax = guest.limits.kvKeyBytesMax;
  guest.memory.requireRange(ptr, len);
  return len >>> 0 > bytesMax ? undefined : guest.memory.readBytes(ptr, len, bytesMax);
}

function* waitForStore<T>(guest: TerrariumGuest, work: Promise<T>): Steps<T> {
  try {
    return (yield work) as T;
  } catch (error) {
    return guest.trap(error instanceof Error ? error.message : String(error), codeOf(error));
  }
}

/** Undefined also where the guest may not have the store; the log says so. */
function* lookUp<T>(guest: TerrariumGuest, work: Promise<T>): Steps<T | undefined> {
  try {
    return (yield work) as T;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (answerLooking(error) === 'trap') return guest.trap(message, codeOf(error));
    guest.run.capabilities.log.write('warn', message);
    return undefined;
  }
}

/** The engine is away, or full: no fault of the guest's, and the visitor may try again. */
function codeOf(error: unknown): TrapCode | undefined {
  if (!(error instanceof CapabilityRefusal)) return undefined;
  return error.kind === 'unavailable' || error.kind === 'full' ? 'store-away' : undefined;
}
