/**
 * Hostcalls of the key-value store, which all requests to one module of one folder share. They
 * have no error result, so a failure of the store traps: a guest told "stored" would lose data.
 */
import { inBytes } from '../../amounts.ts';
import { readPieces, type Steps, wait } from '../steps.ts';
import type { HostcallFamily, TerrariumGuest } from './guest.ts';

type Store = (key: Uint8Array, value: Uint8Array) => Promise<boolean>;

export function keyValueHostcalls(guest: TerrariumGuest): HostcallFamily {
  return { ...writers(guest), ...readers(guest) };
}

/** Each answers 1 when the key was absent before, else 0. */
function writers(guest: TerrariumGuest): HostcallFamily {
  const store = function* (key: Bytes, value: Bytes, how: Store): Steps<number> {
    const { kvKeyBytesMax, kvValueBytesMax } = guest.limits;
    const keyBytes = yield* readPart(guest, key, { part: 'key', bytesMax: kvKeyBytesMax });
    const valueBytes = yield* readPart(guest, value, { part: 'value', bytesMax: kvValueBytesMax });
    return (yield* waitForStore(guest, how(keyBytes, valueBytes))) ? 1 : 0;
  };
  return {
    /** Stores always. */
    hostcall_kvstore_insert: {
      waits: true,
      call: (keyPtr: number, keyLen: number, valuePtr: number, valueLen: number): Steps<number> =>
        store([keyPtr, keyLen], [valuePtr, valueLen], (key, value) =>
          guest.run.capabilities.keyValue.insert(key, value),
        ),
    },

    /** Stores only when the key is absent, in spite of its name. */
    hostcall_kvstore_upsert: {
      waits: true,
      call: (keyPtr: number, keyLen: number, valuePtr: number, valueLen: number): Steps<number> =>
        store([keyPtr, keyLen], [valuePtr, valueLen], (key, value) =>
          guest.run.capabilities.keyValue.insertIfAbsent(key, value),
        ),
    },

    hostcall_kvstore_append: {
      waits: true,
      call: (keyPtr: number, keyLen: number, valuePtr: number, valueLen: number): Steps<number> =>
        store([keyPtr, keyLen], [valuePtr, valueLen], (key, value) =>
          guest.run.capabilities.keyValue.append(key, value),
        ),
    },
  };
}

function readers(guest: TerrariumGuest): HostcallFamily {
  return {
    /** 1 and the value, whose address is not 0 even when it is empty; or 0 and address 0. */
    hostcall_kvstore_get: {
      waits: true,
      call: function* (ptr: number, len: number, keyPtr: number, keyLen: number): Steps<number> {
        const out = { ptr, len };
        guest.giveNothing(out);
        const key = readKeyToFind(guest, keyPtr, keyLen);
        if (key === undefined) return 0;
        const value = yield* waitForStore(guest, guest.run.capabilities.keyValue.get(key));
        if (value === undefined) return 0;
        yield* guest.givePresentBytes(out, value) ?? [];
        return 1;
      },
    },

    /** 1 when the key existed, else 0. */
    hostcall_kvstore_remove: {
      waits: true,
      call: function* (keyPtr: number, keyLen: number): Steps<number> {
        const key = readKeyToFind(guest, keyPtr, keyLen);
        if (key === undefined) return 0;
        return (yield* waitForStore(guest, guest.run.capabilities.keyValue.remove(key))) ? 1 : 0;
      },
    },
  };
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
function readKeyToFind(guest: TerrariumGuest, ptr: number, len: number): Uint8Array | undefined {
  const bytesMax = guest.limits.kvKeyBytesMax;
  guest.memory.requireRange(ptr, len);
  return len >>> 0 > bytesMax ? undefined : guest.memory.readBytes(ptr, len, bytesMax);
}

function* waitForStore<T>(guest: TerrariumGuest, work: Promise<T>): Steps<T> {
  try {
    return yield* wait(work);
  } catch (error) {
    return guest.trap(error instanceof Error ? error.message : String(error));
  }
}
