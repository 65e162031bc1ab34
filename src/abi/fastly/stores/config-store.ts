/** Config stores, and dictionaries, which are the same by another name. */
import type { ConfigStore } from '../../../capability/config/contract.ts';
import { answering, room, text } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FastlyRun } from '../run.ts';
import { type Given, status } from '../status.ts';
import { NamedHandles, readName } from './named-handles.ts';

const spec = '#config-stores';
/** Keys have 256 characters at most: a longer one is not there. */
const keyBytesMax = 64 * 1024;

function configStores(run: FastlyRun): NamedHandles<ConfigStore> {
  return new NamedHandles(run, 'config store', (name) => run.capabilities.config.open(name));
}

export const configStoreHostcalls = [
  answering({
    name: 'open',
    params: [...text('name'), ['config_store', 'out_handle']],
    spec,
    meaning: '`badf` where there is none of that name',
    act: open,
  }),
  answering({
    name: 'get',
    params: [['h', 'handle'], ...text('key'), ...room('value')],
    spec,
    meaning: '`none` where it is not there',
    act: get,
  }),
];

export const dictionaryHostcalls = [
  answering({
    name: 'open',
    params: [...text('name'), ['dictionary', 'out_handle']],
    spec,
    meaning: '`badf` where there is none of that name',
    act: open,
  }),
  answering({
    name: 'get',
    params: [['h', 'handle'], ...text('key'), ...room('value')],
    spec,
    meaning: '`none` where it is not there',
    act: get,
  }),
];

function open(guest: FastlyGuest, namePtr: number, nameLen: number, ptr: number): Given {
  const name = readName(guest, namePtr, nameLen);
  guest.requireRange(ptr, 4);
  const handle = guest.run.of(configStores).open(name);
  return handle === undefined ? status.badf : guest.writeU32(ptr, handle);
}

function get(
  guest: FastlyGuest,
  handle: number,
  ...[keyPtr, keyLen, ptr, len, written]: [number, number, number, number, number]
): Given {
  const store = guest.run.of(configStores).get(handle);
  const value = store.get(guest.readText(keyPtr, keyLen, keyBytesMax));
  return value === undefined ? status.none : guest.giveText({ ptr, len, written }, value);
}
