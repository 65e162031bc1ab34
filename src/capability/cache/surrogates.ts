/** Which objects of a site have which surrogate keys. */
import type { FolderKey } from '../../names.ts';
import type { StoredObject } from './stored.ts';

export class Surrogates {
  readonly #sites = new Map<FolderKey, Map<string, Set<StoredObject>>>();

  add(object: StoredObject): void {
    if (object.options.surrogateKeys.length === 0) return;
    const site = this.#sites.get(object.folderKey) ?? new Map<string, Set<StoredObject>>();
    this.#sites.set(object.folderKey, site);
    for (const key of object.options.surrogateKeys) {
      const objects = site.get(key);
      if (objects === undefined) site.set(key, new Set([object]));
      else objects.add(object);
    }
  }

  remove(object: StoredObject): void {
    const site = this.#sites.get(object.folderKey);
    for (const key of object.options.surrogateKeys) {
      const objects = site?.get(key);
      objects?.delete(object);
      if (objects?.size === 0) site?.delete(key);
    }
    if (site?.size === 0) this.#sites.delete(object.folderKey);
  }

  with(folderKey: FolderKey, surrogateKey: string): readonly StoredObject[] {
    return [...(this.#sites.get(folderKey)?.get(surrogateKey) ?? [])];
  }
}
