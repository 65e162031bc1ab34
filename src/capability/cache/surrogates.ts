/** Which objects of a site have which surrogate keys. */
import type { FolderKey } from '../../names.ts';
import type { StoredObject } from './stored.ts';

/**
 * Objects of one key. Those that were softly purged by it stand apart, so that whoever does it
 * again and again finds none: the keeper has one thread for all sites.
 */
interface Keyed {
  readonly others: Set<StoredObject>;
  readonly softlyPurged: Set<StoredObject>;
}

export class Surrogates {
  readonly #sites = new Map<FolderKey, Map<string, Keyed>>();

  add(object: StoredObject): void {
    if (object.options.surrogateKeys.length === 0) return;
    const site = this.#sites.get(object.folderKey) ?? new Map<string, Keyed>();
    this.#sites.set(object.folderKey, site);
    for (const key of object.options.surrogateKeys) {
      const keyed = site.get(key);
      if (keyed !== undefined) keyed.others.add(object);
      else site.set(key, { others: new Set([object]), softlyPurged: new Set() });
    }
  }

  remove(object: StoredObject): void {
    const site = this.#sites.get(object.folderKey);
    for (const key of object.options.surrogateKeys) {
      const keyed = site?.get(key);
      if (keyed === undefined) continue;
      keyed.others.delete(object);
      keyed.softlyPurged.delete(object);
      if (keyed.others.size + keyed.softlyPurged.size === 0) site?.delete(key);
    }
    if (site?.size === 0) this.#sites.delete(object.folderKey);
  }

  /** Those that a purge is about: a soft one has nothing to do where there was one before. */
  take(folderKey: FolderKey, surrogateKey: string, how: 'hard' | 'soft'): readonly StoredObject[] {
    const keyed = this.#sites.get(folderKey)?.get(surrogateKey);
    if (keyed === undefined) return [];
    const { others, softlyPurged } = keyed;
    const taken = how === 'soft' ? [...others] : [...others, ...softlyPurged];
    others.clear();
    for (const object of taken) softlyPurged.add(object);
    return taken;
  }
}
