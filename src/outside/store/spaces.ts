/**
 * The names of the spaces that guests' data lies in, and whose they are. No part of a name holds
 * a line feed, so a name is never that of something else.
 *
 *     folder key \n module path               what a module stores
 *     folder key \n module path \n files      its `/data`
 *     folder key \n \n store                  a store that modules of the folder share
 *     folder key \n \n store \n seeds         which of its keys the folder's files gave it
 *
 * The path of a folder that is served alone may hold a line feed: there it is written `%0A`.
 */
import { type FolderKey, type ModulePath, type OwnerKey, ownerOf } from '../../names.ts';
import type { Area, Space } from './contract.ts';

const filesPart = 'files';
const seedsPart = 'seeds';

export function moduleSpace(folderKey: FolderKey, modulePath: ModulePath): Space {
  return { area: 'kv', name: `${folderPart(folderKey)}\n${modulePath}` };
}

export function filesSpace(folderKey: FolderKey, modulePath: ModulePath): Space {
  return { area: 'kv', name: `${folderPart(folderKey)}\n${modulePath}\n${filesPart}` };
}

export function namedSpace(folderKey: FolderKey, store: string): Space {
  return { area: 'kv', name: `${folderPart(folderKey)}\n\n${store}` };
}

export function seedSpace(folderKey: FolderKey, store: string): Space {
  return { area: 'kv', name: `${folderPart(folderKey)}\n\n${store}\n${seedsPart}` };
}

export interface GuestSpace {
  readonly folderKey: FolderKey;
  /** Undefined for a store that modules share. */
  readonly modulePath: ModulePath | undefined;
}

/** Whose data a space of area `kv` holds. */
export function parseGuestSpace(name: string): GuestSpace {
  const [part = '', modulePath = ''] = name.split('\n', 2);
  return {
    folderKey: folderOf(part),
    modulePath: modulePath === '' ? undefined : (modulePath as ModulePath),
  };
}

/** The daemon's own data has no other owner to share with: it waits in a queue of its own. */
export const houseOwner = '' as OwnerKey;

/** Who answers for what is written there. */
export function ownerOfSpace(area: Area, name: string): OwnerKey {
  if (area !== 'kv') return houseOwner;
  const end = name.indexOf('\n');
  return ownerOf(folderOf(end === -1 ? name : name.slice(0, end)));
}

function folderPart(folderKey: FolderKey): string {
  return /[\n%]/.test(folderKey)
    ? folderKey.replaceAll('%', '%25').replaceAll('\n', '%0A')
    : folderKey;
}

function folderOf(part: string): FolderKey {
  const key = part.includes('%') ? part.replaceAll('%0A', '\n').replaceAll('%25', '%') : part;
  return key as FolderKey;
}
