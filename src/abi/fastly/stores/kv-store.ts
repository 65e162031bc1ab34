/** The key-value store: each operation is started, and waited for. */
import { Buffer } from 'node:buffer';
import type { KeyValueStore, StoreChange } from '../../../capability/kv/contract.ts';
import { kvKeyFault } from '../../../names.ts';
import type { Steps } from '../../steps.ts';
import { wait } from '../../steps.ts';
import { answering, room, text, waiting } from '../declare.ts';
import type { FastlyGuest, Room } from '../guest.ts';
import type { FastlyRun } from '../run.ts';
import { FastlyFault, type Given, type Later, status } from '../status.ts';
import { readInsertConfig, readListConfig, requireNoReserved } from './kv-config.ts';
import { insert } from './kv-insert.ts';
import { list } from './kv-list.ts';
import {
  type KvOperation,
  type KvResult,
  type KvVerb,
  kvError,
  kvOperations,
  lookUp,
  remove,
  startOperation,
} from './kv-operation.ts';
import { NamedHandles, readName } from './named-handles.ts';

const spec = '#key-value-stores';
/** Longer ones are refused for what they are, not for where they lie. */
const keyBytesMax = 64 * 1024;

export function kvStores(run: FastlyRun): NamedHandles<KeyValueStore> {
  return new NamedHandles(run, 'key-value store', (name) => run.capabilities.keyValue.named(name));
}

/** @throws FastlyFault `inval` for what is no key */
export function readKey(guest: FastlyGuest, ptr: number, len: number): string {
  const key = guest.readText(ptr, len, keyBytesMax);
  if (kvKeyFault(key) !== undefined) throw new FastlyFault('inval');
  return key;
}

export function openStore(
  guest: FastlyGuest,
  ...[namePtr, nameLen, ptr]: [number, number, number]
): Given {
  const name = readName(guest, namePtr, nameLen);
  guest.requireRange(ptr, 4);
  const handle = guest.run.of(kvStores).open(name);
  return handle === undefined ? status.inval : guest.writeU32(ptr, handle);
}

const generations = { none: 0, u32: 4, u64: 8 } as const;

export const kvStoreHostcalls = [
  answering({
    name: 'open',
    params: [...text('name'), ['kv_store', 'out_handle']],
    spec,
    meaning: '`inval` where there is none of that name',
    act: openStore,
  }),

  answering({
    name: 'lookup',
    params: [
      ['store', 'handle'],
      ...text('key'),
      ['mask', 'flags'],
      ['cfg', 'address'],
      ['handle_out', 'out_handle'],
    ],
    spec,
    act: (guest, handle, keyPtr, keyLen, mask, _config, ptr) => {
      const { run } = guest;
      const store = run.of(kvStores).get(handle);
      const key = readKey(guest, keyPtr, keyLen);
      requireNoReserved(mask);
      guest.requireRange(ptr, 4);
      guest.writeU32(
        ptr,
        startOperation(run, 'lookup', { store, key }, () => lookUp(store, key)),
      );
    },
  }),

  waiting({
    name: 'lookup_wait',
    params: [
      ['handle', 'handle'],
      ['body_handle_out', 'out_handle'],
      ...room('meta'),
      ['generation_out', 'out_number'],
      ['kv_error_out', 'out_number'],
    ],
    spec,
    meaning: 'as `lookup_wait_v2`, with 0 for the generation',
    act: (guest, handle, body, ptr, len, written, generation, error) =>
      finishLookup(guest, handle, {
        ...{ body, meta: { ptr, len, written }, error },
        generation: { ptr: generation, bytes: generations.u32 },
      }),
  }),

  waiting({
    name: 'lookup_wait_v2',
    params: [
      ['handle', 'handle'],
      ['body_handle_out', 'out_handle'],
      ...room('meta'),
      ['generation_out', 'out_number64'],
      ['kv_error_out', 'out_number'],
    ],
    spec,
    meaning: 'the value, its metadata and its generation; 3 in `kv_error_out`: it is not there',
    act: (guest, handle, body, ptr, len, written, generation, error) =>
      finishLookup(guest, handle, {
        ...{ body, meta: { ptr, len, written }, error },
        generation: { ptr: generation, bytes: generations.u64 },
      }),
  }),

  answering({
    name: 'insert',
    params: [
      ['store', 'handle'],
      ...text('key'),
      ['body_handle', 'handle'],
      ['mask', 'flags'],
      ['cfg', 'address'],
      ['handle_out', 'out_handle'],
    ],
    spec,
    meaning: 'takes the body; modes 0 overwrite, 1 add, 2 append, 3 prepend',
    act: (guest, handle, keyPtr, keyLen, bodyHandle, mask, config, ptr) => {
      const store = guest.run.of(kvStores).get(handle);
      const key = readKey(guest, keyPtr, keyLen);
      const change = readInsertConfig(guest, mask, config);
      guest.requireRange(ptr, 4);
      return guest.writeU32(ptr, startInsert(guest, bodyHandle, { store, key, change }));
    },
  }),

  waiting({
    name: 'insert_wait',
    params: [
      ['handle', 'handle'],
      ['kv_error_out', 'out_number'],
    ],
    spec,
    act: (guest, handle, ptr) => finishDone(guest, handle, { verb: 'insert', ptr }),
  }),

  answering({
    name: 'delete',
    params: [
      ['store', 'handle'],
      ...text('key'),
      ['mask', 'flags'],
      ['cfg', 'address'],
      ['handle_out', 'out_handle'],
    ],
    spec,
    act: (guest, handle, keyPtr, keyLen, mask, _config, ptr) => {
      const { run } = guest;
      const store = run.of(kvStores).get(handle);
      const key = readKey(guest, keyPtr, keyLen);
      requireNoReserved(mask);
      guest.requireRange(ptr, 4);
      guest.writeU32(
        ptr,
        startOperation(run, 'delete', { store, key }, () => remove(store, key)),
      );
    },
  }),

  waiting({
    name: 'delete_wait',
    params: [
      ['handle', 'handle'],
      ['kv_error_out', 'out_number'],
    ],
    spec,
    meaning: '3 in `kv_error_out`: it was not there',
    act: (guest, handle, ptr) => finishDone(guest, handle, { verb: 'delete', ptr }),
  }),

  answering({
    name: 'list',
    params: [
      ['store', 'handle'],
      ['mask', 'flags'],
      ['cfg', 'address'],
      ['handle_out', 'out_handle'],
    ],
    spec,
    act: (guest, handle, mask, config, ptr) => {
      const { run } = guest;
      const store = run.of(kvStores).get(handle);
      const asked = readListConfig(guest, mask, config);
      guest.requireRange(ptr, 4);
      guest.writeU32(
        ptr,
        startOperation(run, 'list', { store }, () => list(store, asked)),
      );
    },
  }),

  waiting({
    name: 'list_wait',
    params: [
      ['handle', 'handle'],
      ['body_handle_out', 'out_handle'],
      ['kv_error_out', 'out_number'],
    ],
    spec,
    meaning: 'a body of JSON: keys, and where to go on',
    act: (guest, handle, bodyPtr, errorPtr) => {
      const operation = findOperation(guest, handle, 'list');
      guest.requireRange(bodyPtr, 4);
      guest.requireRange(errorPtr, 4);
      return whenReady(operation, () => {
        const result = takeResult(guest, handle, operation);
        if (result.kind !== 'listing') return guest.writeU32(errorPtr, errorOf(result, 'list'));
        guest.writeU32(bodyPtr, newBody(guest.run, Buffer.from(result.json)));
        return guest.writeU32(errorPtr, kvError.ok);
      });
    },
  }),
];

/** The number of the operation. The body is the store's from here on, whatever becomes of it. */
export function startInsert(
  guest: FastlyGuest,
  bodyHandle: number,
  asked: {
    readonly store: KeyValueStore;
    readonly key: string;
    readonly change: Omit<StoreChange, 'key' | 'value'>;
  },
): number {
  const { run } = guest;
  // Before it is taken: one that is being sent stays what it is.
  if (run.bodies.get(bodyHandle).isStreaming) throw new FastlyFault('badf');
  run.of(kvOperations).requireRoom();
  const taken = run.bodies.take(bodyHandle);
  const body = taken.takeWhole() ?? taken.handOver();
  const bytesMax = run.limits.kvValueBytesMax;
  return startOperation(run, 'insert', asked, (signal) =>
    insert(run, { ...asked, body, bytesMax, signal }),
  );
}

/** The operation of that number. @throws FastlyFault, HandleError: `badf` where it is another's */
export function findOperation(guest: FastlyGuest, handle: number, verb: KvVerb): KvOperation {
  const operation = guest.run.of(kvOperations).get(handle);
  if (operation.verb !== verb) throw new FastlyFault('badf');
  return operation;
}

/** Its result, once: the number is nobody's any more. What failed is told the owner. */
export function takeResult(guest: FastlyGuest, handle: number, operation: KvOperation): KvResult {
  const { run } = guest;
  run.of(kvOperations).drop(handle);
  const { result } = operation;
  if (result.kind === 'failed' && result.reason !== undefined) {
    run.capabilities.log.write('warn', result.reason);
  }
  return result;
}

export function whenReady(operation: KvOperation, finish: () => Given): Later {
  return operation.isReady ? finish() : waitFor(operation, finish);
}

function* waitFor(operation: KvOperation, finish: () => Given): Steps<Given> {
  yield* wait(operation.whenReady());
  return finish();
}

/** The number of a body of these bytes. @throws HandleError, ObjectError */
export function newBody(run: FastlyRun, bytes: Uint8Array): number {
  run.bodies.requireRoom();
  const body = run.newBody();
  body.write(bytes);
  return run.bodies.add(body);
}

interface LookupRooms {
  readonly body: number;
  readonly meta: Room;
  readonly generation: { readonly ptr: number; readonly bytes: 4 | 8 };
  readonly error: number;
}

const noMetadata = new Uint8Array(0);

function finishLookup(guest: FastlyGuest, handle: number, rooms: LookupRooms): Later {
  const operation = findOperation(guest, handle, 'lookup');
  guest.requireRange(rooms.body, 4);
  guest.requireRange(rooms.error, 4);
  guest.requireRange(rooms.generation.ptr, rooms.generation.bytes);
  guest.requireRange(rooms.meta.ptr, rooms.meta.len);
  return whenReady(operation, () => giveLookup(guest, handle, { operation, rooms }));
}

function giveLookup(
  guest: FastlyGuest,
  handle: number,
  { operation, rooms }: { readonly operation: KvOperation; readonly rooms: LookupRooms },
): Given {
  const { body, meta, generation, error } = rooms;
  const { result } = operation;
  if (result.kind !== 'entry') {
    return guest.writeU32(error, errorOf(takeResult(guest, handle, operation), 'lookup'));
  }
  const { value, revision, meta: metadata = noMetadata } = result.entry;
  // Too short a room takes nothing: the guest may ask again with a longer one.
  if (guest.give(meta, metadata) !== status.ok) return status.buflen;
  const bodyHandle = newBody(guest.run, value);
  takeResult(guest, handle, operation);
  guest.writeU32(body, bodyHandle);
  if (generation.bytes === generations.u64) guest.writeU64(generation.ptr, BigInt(revision));
  else guest.writeU32(generation.ptr, 0);
  return guest.writeU32(error, kvError.ok);
}

function finishDone(
  guest: FastlyGuest,
  handle: number,
  { verb, ptr }: { readonly verb: KvVerb; readonly ptr: number },
): Later {
  const operation = findOperation(guest, handle, verb);
  guest.requireRange(ptr, 4);
  return whenReady(operation, () =>
    guest.writeU32(ptr, errorOf(takeResult(guest, handle, operation), verb)),
  );
}

/** To delete what is not there is told, as the vendor's network tells it. */
function errorOf(result: KvResult, verb: KvVerb): number {
  if (result.kind === 'failed') return result.error;
  const isMissed = verb === 'delete' && result.kind === 'done' && !result.wasThere;
  return isMissed ? kvError.notFound : kvError.ok;
}
