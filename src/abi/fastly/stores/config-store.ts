/** Config stores, and dictionaries, which are the same by another name. */
import { room, text, unsupported } from '../declare.ts';

export const configStoreHostcalls = [
  unsupported('open', '#config-stores', [...text('name'), ['config_store', 'out_handle']]),
  unsupported('get', '#config-stores', [['h', 'handle'], ...text('key'), ...room('value')]),
];

export const dictionaryHostcalls = [
  unsupported('open', '#config-stores', [...text('name'), ['dictionary', 'out_handle']]),
  unsupported('get', '#config-stores', [['h', 'handle'], ...text('key'), ...room('value')]),
];
