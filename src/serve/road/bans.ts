/** Whom this thread answers `banned`. The list is replaced whole, and is nearly always empty. */
import { BlockList, isIP } from 'node:net';
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey, HostName } from '../../names.ts';
import { type BanRules, isFolderBanned, isHostBanned } from '../../site/bans.ts';

export class Bans {
  #hosts: ReadonlySet<string> = new Set();
  #folders: readonly string[] = [];
  #networks = new BlockList();
  /** Whether anybody is banned: what costs a request nothing as long as nobody is. */
  hasAny = false;

  constructor(rules: BanRules) {
    this.replace(rules);
  }

  replace({ hosts, folders, addresses }: BanRules): void {
    this.#hosts = new Set(hosts);
    this.#folders = folders;
    this.#networks = new BlockList();
    for (const cidr of addresses) {
      const [address = '', bits = ''] = cidr.split('/');
      this.#networks.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
    }
    this.hasAny = hosts.length + folders.length + addresses.length > 0;
  }

  isHostBanned(hostName: HostName | undefined): boolean {
    return this.hasAny && hostName !== undefined && isHostBanned(this.#hosts, hostName);
  }

  /** @throws TerrafirmaError `banned`. */
  checkVisitor(hostName: HostName | undefined, clientAddress: string): void {
    if (this.isHostBanned(hostName)) throw banned(`the host name ${hostName}`);
    const family = isIP(clientAddress);
    if (family === 0) return;
    if (!this.#networks.check(clientAddress, family === 6 ? 'ipv6' : 'ipv4')) return;
    throw banned(`the address ${clientAddress}`);
  }

  isFolderBanned(folderKey: FolderKey): boolean {
    return isFolderBanned(this.#folders, folderKey);
  }

  /** @throws TerrafirmaError `banned`. */
  checkFolder(folderKey: FolderKey): void {
    if (this.isFolderBanned(folderKey)) throw banned(`the folder ${folderKey}`);
  }
}

function banned(what: string): TerrafirmaError {
  return new TerrafirmaError('banned', `Cannot answer: the operator has banned ${what}`);
}
