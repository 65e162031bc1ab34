/**
 * Hostcalls of the key-value store, which all requests to one module of one folder share. They
 * have no error result, so a failure of the store traps: a guest told "stored" would lose data.
 */
import type { HostcallFamily, TerrariumGuest } from './guest.ts';

type Store = (key: Uint8Array, value: Uint8Array) => Promise<boolean>;

export function keyValueHostcalls(guest: TerrariumGuest): HostcallFamily {
  return { ...writers(guest), ...readers(guest) };
}

/** Each answers 1 when the key was absent before, else 0. */
function writers(guest: TerrariumGuest): HostcallFamily {
  const store = async (key: Bytes, value: Bytes, how: Store): Promise<number> => {
    const { kvKeyBytesMax, kvValueBytesMax } = guest.limits;
    const keyBytes = readPart(guest, key, { part: 'key', bytesMax: kvKeyBytesMax });
    const valueBytes = readPart(guest, value, { part: 'value', bytesMax: kvValueBytesMax });
    return (await waitForStore(guest, how(keyBytes, valueBytes))) ? 1 : 0;
  };
  return {
    /** Stores always. */
    hostcall_kvstore_insert: {
      waits: true,
      call: (keyPtr: number, keyLen: number, valuePtr: number, valueLen: number): Promise<number> =>
        store([keyPtr, keyLen], [valuePtr, valueLen], (key, value) =>
          guest.run.capabilities.keyValue.insert(key, value),
        ),
    },

    /** Stores only when the key is absent, in spite of its name. */
    hostcall_kvstore_upsert: {
      waits: true,
      call: (keyPtr: number, keyLen: number, valuePtr: number, valueLen: number): Promise<number> =>
        store([keyPtr, keyLen], [valuePtr, valueLen], (key, value) =>
          guest.run.capabilities.keyValue.insertIfAbsent(key, value),
        ),
    },

    hostcall_kvstore_append: {
      waits: true,
      call: (keyPtr: number, keyLen: number, valuePtr: number, valueLen: number): Promise<number> =>
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
      call: async (ptr: number, len: number, keyPtr: number, keyLen: number): Promise<number> => {
        const out = { ptr, len };
        guest.giveNothing(out);
        const key = readKeyToFind(guest, keyPtr, keyLen);
        if (key === undefined) return 0;
        const value = await waitForStore(guest, guest.run.capabilities.keyValue.get(key));
        if (value === undefined) return 0;
        guest.givePresentBytes(out, value);
        return 1;
      },
    },

    /** 1 when the key existed, else 0. */
    hostcall_kvstore_remove: {
      waits: true,
      call: async (keyPtr: number, keyLen: number): Promise<number> => {
        const key = readKeyToFind(guest, keyPtr, keyLen);
        if (key === undefined) return 0;
        return (await waitForStore(guest, guest.run.capabilities.keyValue.remove(key))) ? 1 : 0;
      },
    },
  };
}

type Bytes = readonly [ptr: number, len: number];

function readPart(
  guest: TerrariumGuest,
  [ptr, len]: Bytes,
  rule: { readonly part: string; readonly bytesMax: number },
): Uint8Array {
  guest.memory.requireRange(ptr, len);
  const length = len >>> 0;
  if (length > rule.bytesMax) {
    guest.trap(
      `Cannot store: a ${rule.part} of at most ${rule.bytesMax} bytes: received ${length}`,
    );
  }
  return guest.memory.readBytes(ptr, length, rule.bytesMax);
}

/** Undefined for a key too long to have been stored. */
function readKeyToFind(guest: TerrariumGuest, ptr: number, len: number): Uint8Array | undefined {
  const bytesMax = guest.limits.kvKeyBytesMax;
  guest.memory.requireRange(ptr, len);
  return len >>> 0 > bytesMax ? undefined : guest.memory.readBytes(ptr, len, bytesMax);
}

async function waitForStore<T>(guest: TerrariumGuest, work: Promise<T>): Promise<T> {
  // The two ways to fail are kept apart: after the end of the run nothing may be trapped either.
  const outcome = await guest.waitFor(
    work.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
  );
  if ('value' in outcome) return outcome.value;
  const { error } = outcome;
  return guest.trap(error instanceof Error ? error.message : String(error));
}
