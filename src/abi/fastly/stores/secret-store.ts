/** Secrets: of the folder's stores, and those that a guest makes of its own bytes. */
import type { SecretStore } from '../../../capability/secrets/contract.ts';
import { HandleTable } from '../../handles.ts';
import { answering, bytes, bytesRoom, text } from '../declare.ts';
import type { FastlyRun } from '../run.ts';
import { status } from '../status.ts';
import { NamedHandles, readName } from './named-handles.ts';

const spec = '#secrets';
const keyBytesMax = 64 * 1024;
/** The vendor's own limit of one. */
const secretBytesMax = 64 * 1024;

export interface Secret {
  readonly bytes: Uint8Array;
}

function secretStores(run: FastlyRun): NamedHandles<SecretStore> {
  return new NamedHandles(run, 'secret store', (name) => run.capabilities.secrets.open(name));
}

/** All secrets that the guest holds, such as keys of certificates for a back-end. */
export function secrets(run: FastlyRun): HandleTable<Secret> {
  const handlesMax = run.limits.fastlyHandlesPerRunMax;
  return new HandleTable({ kind: 'secret', firstHandle: 1, handlesMax });
}

export const secretStoreHostcalls = [
  answering({
    name: 'open',
    params: [...text('name'), ['secret_store', 'out_handle']],
    spec,
    meaning: '`none` where there is none of that name',
    act: (guest, namePtr, nameLen, ptr) => {
      const name = readName(guest, namePtr, nameLen);
      guest.requireRange(ptr, 4);
      const handle = guest.run.of(secretStores).open(name);
      return handle === undefined ? status.none : guest.writeU32(ptr, handle);
    },
  }),

  answering({
    name: 'get',
    params: [['store', 'handle'], ...text('key'), ['secret', 'out_handle']],
    spec,
    meaning: '`none` where it is not there',
    act: (guest, handle, keyPtr, keyLen, ptr) => {
      const { run } = guest;
      const store = run.of(secretStores).get(handle);
      const key = guest.readText(keyPtr, keyLen, keyBytesMax);
      guest.requireRange(ptr, 4);
      const found = store.get(key);
      if (found === undefined) return status.none;
      return guest.writeU32(ptr, run.of(secrets).add({ bytes: found }));
    },
  }),

  answering({
    name: 'plaintext',
    params: [['secret', 'handle'], ...bytesRoom('buf')],
    spec,
    act: (guest, handle, ptr, len, written) =>
      guest.give({ ptr, len, written }, guest.run.of(secrets).get(handle).bytes),
  }),

  answering({
    name: 'from_bytes',
    params: [...bytes('buf'), ['secret', 'out_handle']],
    spec,
    meaning: 'a secret of the guest’s own bytes, at most 64 KiB',
    act: (guest, ptr, len, out) => {
      const { run } = guest;
      guest.requireRange(out, 4);
      const own = guest.readBytes(ptr, len, secretBytesMax);
      const table = run.of(secrets);
      table.requireRoom();
      run.held.hold(own.length);
      return guest.writeU32(out, table.add({ bytes: own }));
    },
  }),
];
