/**
 * Which folders name which versions, seen from the folder, from the version and from the owner:
 * bytes may be named by many folders of many owners, and are kept once. Pure.
 */
import { Counts } from '../../account/counts.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import type { Digest } from '../../threads/messages.ts';

const none: ReadonlySet<Digest> = new Set();

export class NamedVersions {
  readonly #byFolder = new Map<FolderKey, ReadonlySet<Digest>>();
  /** How many folders of each owner name a version. */
  readonly #ownersOf = new Map<Digest, Counts<OwnerKey>>();
  /** In how many of the owner's folders each version is named. */
  readonly #byOwner = new Map<OwnerKey, Counts<Digest>>();

  /** What the folder names from now on; answers what nobody names any more. */
  set(folderKey: FolderKey, digests: ReadonlySet<Digest>): readonly Digest[] {
    const before = this.#byFolder.get(folderKey) ?? none;
    const owner = ownerOf(folderKey);
    for (const digest of digests) if (!before.has(digest)) this.#count(owner, digest, 1);
    const dropped = [...before].filter((digest) => !digests.has(digest));
    for (const digest of dropped) this.#count(owner, digest, -1);
    if (digests.size === 0) this.#byFolder.delete(folderKey);
    else this.#byFolder.set(folderKey, digests);
    return dropped.filter((digest) => !this.has(digest));
  }

  has(digest: Digest): boolean {
    return this.#ownersOf.has(digest);
  }

  /** The versions of an owner, each once. */
  of(owner: OwnerKey): Iterable<Digest> {
    return [...(this.#byOwner.get(owner) ?? [])].map(([digest]) => digest);
  }

  /**
   * Who answers for a version: of the owners that name it, who names the fewest. Whoever copies a
   * neighbour's module does not bring that one into his own long line.
   */
  ownerOf(digest: Digest): OwnerKey | undefined {
    let found: { readonly owner: OwnerKey; readonly versions: number } | undefined;
    for (const [owner] of this.#ownersOf.get(digest) ?? []) {
      const versions = this.#byOwner.get(owner)?.size ?? 0;
      if (found === undefined || versions < found.versions) found = { owner, versions };
    }
    return found?.owner;
  }

  #count(owner: OwnerKey, digest: Digest, by: 1 | -1): void {
    add(this.#ownersOf, digest, owner, by);
    add(this.#byOwner, owner, digest, by);
  }
}

/** Whoever has nothing takes no memory. */
function add<Row, Key>(table: Map<Row, Counts<Key>>, row: Row, key: Key, by: 1 | -1): void {
  const counts = table.get(row) ?? new Counts<Key>();
  counts.add(key, by);
  if (counts.size === 0) table.delete(row);
  else table.set(row, counts);
}
