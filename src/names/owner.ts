import type { FolderKey } from './folder-path.ts';

/**
 * Who answers for a folder: the TLF of a Keybase path (`/keybase/private/alice,kbwasm`), or the
 * first level of another mount (`/shared/alice`). Everything that strangers share (time, seats,
 * memory, queues, orders) is shared by owner first: making more sub-folders or more sites gives
 * nobody a larger share.
 */
export type OwnerKey = string & { readonly ownerKey: unique symbol };

const keybaseStart = '/keybase/';
/** `/keybase`, type, TLF. */
const keybaseOwnerSegments = 3;
/** Prefix and first level. */
const plainOwnerSegments = 2;

/** The owner of a folder; a folder that is a whole mount is its own. */
export function ownerOf(folderKey: FolderKey): OwnerKey {
  const isKeybase = folderKey.startsWith(keybaseStart);
  let left = isKeybase ? keybaseOwnerSegments : plainOwnerSegments;
  let end = 0;
  while (left > 0) {
    const slash = folderKey.indexOf('/', end + 1);
    if (slash === -1) return folderKey as string as OwnerKey;
    end = slash;
    left -= 1;
  }
  return folderKey.slice(0, end) as OwnerKey;
}
