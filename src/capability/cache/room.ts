/**
 * What the caches of all sites hold, in bytes: bounded for each site and for all. Within a site
 * goes first what was not used for the longest time; where all together have too much, the owner
 * who has the most gives up something of the largest of his sites. So nobody who fills his cache
 * empties that of somebody else.
 */
import { LRUCache } from 'lru-cache';
import type { Account } from '../../account/account.ts';
import { Counts } from '../../account/counts.ts';
import type { FolderKey, OwnerKey } from '../../names.ts';
import { type StoredObject, weightOf } from './stored.ts';

export interface RoomOptions {
  readonly bytesMax: number;
  readonly siteBytesMax: number;
  /** Charged; and what an owner may hold no more of is given up. */
  readonly account: Account;
  /** It has no place any more: to be taken from wherever it is found. */
  readonly onGone: (object: StoredObject) => void;
}

interface SiteRoom {
  readonly owner: OwnerKey;
  /** The least recently used goes first. */
  readonly objects: LRUCache<number, StoredObject>;
  bytes: number;
}

/** Bytes are what bounds it. Without a number of its own lru-cache takes no memory beforehand. */
const lineOptions = { maxSize: Number.MAX_SAFE_INTEGER };

export class Room {
  readonly #options: RoomOptions;
  readonly #sites = new Map<FolderKey, SiteRoom>();
  readonly #owners = new Counts<OwnerKey>();
  /** What each object counts for now. */
  readonly #weights = new Map<number, number>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#owners.total;
  }

  get objects(): number {
    return this.#weights.size;
  }

  bytesOf(folderKey: FolderKey): number {
    return this.#sites.get(folderKey)?.bytes ?? 0;
  }

  /** Takes the object in, or it has grown: gives up others for it, and itself where it must. */
  put(object: StoredObject): void {
    const site = this.#siteOf(object);
    if (site.objects.get(object.id) === undefined) site.objects.set(object.id, object, { size: 1 });
    const weight = weightOf(object);
    this.#charge(site, weight - (this.#weights.get(object.id) ?? 0));
    this.#weights.set(object.id, weight);
    this.#makeRoom(object.folderKey, site);
  }

  /** It was used: others go first. */
  touch({ folderKey, id }: StoredObject): void {
    this.#sites.get(folderKey)?.objects.get(id);
  }

  has(object: StoredObject): boolean {
    return this.#weights.has(object.id);
  }

  /** It is found no more. */
  remove(object: StoredObject): void {
    const site = this.#sites.get(object.folderKey);
    const weight = this.#weights.get(object.id);
    if (site === undefined || weight === undefined) return;
    site.objects.delete(object.id);
    this.#weights.delete(object.id);
    this.#charge(site, -weight);
    if (site.objects.size === 0) this.#sites.delete(object.folderKey);
  }

  #makeRoom(folderKey: FolderKey, site: SiteRoom): void {
    const { account, bytesMax, siteBytesMax } = this.#options;
    const share = account.shareOf(site.owner);
    while (site.bytes > siteBytesMax) this.#giveUp(site);
    while (this.bytes > bytesMax) this.#giveUp(this.#largest());
    while (this.#sites.get(folderKey) === site && !share.allows('bytes', 0)) this.#giveUp(site);
  }

  #giveUp(site: SiteRoom | undefined): void {
    const [oldest] = site?.objects.rvalues() ?? [];
    if (oldest === undefined) throw new Error('Cannot make room in the cache: nothing is there');
    this.#options.onGone(oldest);
    this.remove(oldest);
  }

  /** The largest site of the owner who has the most. */
  #largest(): SiteRoom | undefined {
    let most: readonly [OwnerKey, number] | undefined;
    for (const one of this.#owners) if (most === undefined || one[1] > most[1]) most = one;
    let largest: SiteRoom | undefined;
    for (const site of this.#sites.values()) {
      if (site.owner === most?.[0] && site.bytes > (largest?.bytes ?? 0)) largest = site;
    }
    return largest;
  }

  #siteOf({ folderKey, owner }: StoredObject): SiteRoom {
    const known = this.#sites.get(folderKey);
    if (known !== undefined) return known;
    const objects = new LRUCache<number, StoredObject>(lineOptions);
    const site = { owner, objects, bytes: 0 };
    this.#sites.set(folderKey, site);
    return site;
  }

  #charge(site: SiteRoom, bytes: number): void {
    if (bytes === 0) return;
    site.bytes += bytes;
    this.#owners.add(site.owner, bytes);
    this.#options.account.shareOf(site.owner).charge('cache', bytes);
  }
}
