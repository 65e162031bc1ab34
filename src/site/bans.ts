/**
 * Whom the operator has shut out by host name or folder, beside the configuration and in force at
 * once. Pure. Names are matched label by label, folders with all that lies below them.
 */
import { TerrafirmaError } from '../errors.ts';
import type { FolderKey, HostName } from '../names.ts';

/** What is banned, as the threads know it. */
export interface BanRules {
  /** Exact, or `*.` and a name. */
  readonly hosts: readonly string[];
  readonly folders: readonly string[];
  /** Networks, as CIDR. */
  readonly addresses: readonly string[];
}

export const noBans: BanRules = { hosts: [], folders: [], addresses: [] };

export function isHostBanned(hosts: ReadonlySet<string>, hostName: HostName): boolean {
  if (hosts.has(hostName)) return true;
  for (let at = hostName.indexOf('.'); at !== -1; at = hostName.indexOf('.', at + 1)) {
    if (hosts.has(`*${hostName.slice(at)}`)) return true;
  }
  return false;
}

export function isFolderBanned(folders: readonly string[], folderKey: FolderKey): boolean {
  return folders.some((folder) => folderKey === folder || folderKey.startsWith(`${folder}/`));
}

/**
 * Before something is done for a name that nobody visits, such as ordering its certificate.
 *
 * @throws TerrafirmaError `banned`.
 */
export function requireNoBan(
  { folders, hosts }: BanRules = noBans,
  hostName: HostName,
  folderKey: FolderKey,
): void {
  const isBanned = isHostBanned(new Set(hosts), hostName) || isFolderBanned(folders, folderKey);
  if (isBanned) throw new TerrafirmaError('banned');
}
