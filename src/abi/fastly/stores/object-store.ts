/** The key-value store as older guests call it. */
import { answering, text, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { noHandle } from '../run.ts';
import { type Given, type Later, status } from '../status.ts';
import {
  type KvError,
  type KvResult,
  type KvVerb,
  kvError,
  lookUp,
  remove,
  startOperation,
} from './kv-operation.ts';
import {
  findOperation,
  kvStores,
  newBody,
  openStore,
  readKey,
  startInsert,
  takeResult,
  whenReady,
} from './kv-store.ts';

const spec = '#key-value-stores';
const overwrite = { op: 'put' } as const;

export const objectStoreHostcalls = [
  answering({
    name: 'open',
    params: [...text('name'), ['object_store', 'out_handle']],
    spec,
    meaning: '`inval` where there is none of that name',
    act: openStore,
  }),

  waiting({
    name: 'lookup',
    params: [['store', 'handle'], ...text('key'), ['body_handle_out', 'out_handle']],
    spec,
    meaning: 'gives no handle (0xFFFFFFFE) where it is not there',
    act: (guest, store, keyPtr, keyLen, ptr) => {
      guest.requireRange(ptr, 4);
      return finishLookup(guest, startLookup(guest, store, { keyPtr, keyLen }), ptr);
    },
  }),

  answering({
    name: 'lookup_async',
    params: [['store', 'handle'], ...text('key'), ['pending_handle_out', 'out_handle']],
    spec,
    act: (guest, store, keyPtr, keyLen, ptr) => {
      guest.requireRange(ptr, 4);
      guest.writeU32(ptr, startLookup(guest, store, { keyPtr, keyLen }));
    },
  }),

  waiting({
    name: 'pending_lookup_wait',
    params: [
      ['pending_objstr_handle', 'handle'],
      ['body_handle_out', 'out_handle'],
    ],
    spec,
    meaning: 'gives no handle (0xFFFFFFFE) where it is not there',
    act: (guest, handle, ptr) => {
      guest.requireRange(ptr, 4);
      return finishLookup(guest, handle, ptr);
    },
  }),

  waiting({
    name: 'insert',
    params: [['store', 'handle'], ...text('key'), ['body_handle', 'handle']],
    spec,
    act: (guest, store, keyPtr, keyLen, bodyHandle) => {
      const handle = startOverwrite(guest, store, { keyPtr, keyLen, bodyHandle });
      return finish(guest, handle, 'insert', () => undefined);
    },
  }),

  answering({
    name: 'insert_async',
    params: [
      ['store', 'handle'],
      ...text('key'),
      ['body_handle', 'handle'],
      ['pending_handle_out', 'out_handle'],
    ],
    spec,
    act: (guest, store, keyPtr, keyLen, bodyHandle, ptr) => {
      guest.requireRange(ptr, 4);
      guest.writeU32(ptr, startOverwrite(guest, store, { keyPtr, keyLen, bodyHandle }));
    },
  }),

  waiting({
    name: 'pending_insert_wait',
    params: [['pending_objstr_handle', 'handle']],
    spec,
    act: (guest, handle) => finish(guest, handle, 'insert', () => undefined),
  }),

  answering({
    name: 'delete_async',
    params: [['store', 'handle'], ...text('key'), ['pending_handle_out', 'out_handle']],
    spec,
    act: (guest, handle, keyPtr, keyLen, ptr) => {
      const { run } = guest;
      const store = run.of(kvStores).get(handle);
      const key = readKey(guest, keyPtr, keyLen);
      guest.requireRange(ptr, 4);
      guest.writeU32(
        ptr,
        startOperation(run, 'delete', { store, key }, () => remove(store, key)),
      );
    },
  }),

  waiting({
    name: 'pending_delete_wait',
    params: [['pending_objstr_handle', 'handle']],
    spec,
    meaning: '`none` where it was not there',
    act: (guest, handle) =>
      finish(guest, handle, 'delete', (result) =>
        result.kind === 'done' && !result.wasThere ? status.none : status.ok,
      ),
  }),
];

interface KeyRoom {
  readonly keyPtr: number;
  readonly keyLen: number;
}

function startLookup(guest: FastlyGuest, handle: number, { keyPtr, keyLen }: KeyRoom): number {
  const { run } = guest;
  const store = run.of(kvStores).get(handle);
  const key = readKey(guest, keyPtr, keyLen);
  return startOperation(run, 'lookup', { store, key }, () => lookUp(store, key));
}

function startOverwrite(
  guest: FastlyGuest,
  handle: number,
  { keyPtr, keyLen, bodyHandle }: KeyRoom & { readonly bodyHandle: number },
): number {
  const store = guest.run.of(kvStores).get(handle);
  const key = readKey(guest, keyPtr, keyLen);
  return startInsert(guest, bodyHandle, { store, key, change: overwrite });
}

function finishLookup(guest: FastlyGuest, handle: number, ptr: number): Later {
  return finish(guest, handle, 'lookup', (result) =>
    guest.writeU32(
      ptr,
      result.kind === 'entry' ? newBody(guest.run, result.entry.value) : noHandle,
    ),
  );
}

/** How these older functions say what `kv_error` says otherwise. */
const statuses: Readonly<Record<Exclude<KvError, 1>, () => Given>> = {
  [kvError.badRequest]: () => status.inval,
  [kvError.notFound]: () => status.none,
  [kvError.preconditionFailed]: () => status.inval,
  [kvError.payloadTooLarge]: () => status.limitexceeded,
  [kvError.internal]: () => status.error,
  [kvError.tooManyRequests]: () => status.limitexceeded,
};

function finish(
  guest: FastlyGuest,
  handle: number,
  verb: KvVerb,
  give: (result: KvResult) => Given,
): Later {
  const operation = findOperation(guest, handle, verb);
  return whenReady(operation, () => {
    const result = takeResult(guest, handle, operation);
    const isAbsent = result.kind === 'failed' && result.error === kvError.notFound;
    return result.kind === 'failed' && !isAbsent ? statuses[result.error]() : give(result);
  });
}
