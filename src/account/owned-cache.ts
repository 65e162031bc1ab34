/**
 * What is kept for as long as there is room, shared by owner: where that is too much, the owner who
 * has the most gives up what it has not used for the longest time. With one line for all, whoever
 * asks for enough of his own pushes out what others use seldom. Pure.
 */
import type { OwnerKey } from '../names.ts';

export interface OwnedCacheOptions<K, V> {
  /** Things kept, of all owners. */
  readonly max: number;
  /** Called with what is given up, by whatever way. */
  readonly dispose: (value: V, key: K) => void;
}

export class OwnedCache<K, V> {
  readonly #options: OwnedCacheOptions<K, V>;
  readonly #ownerOf = new Map<K, OwnerKey>();
  /** Owners and what each has, the least recently used first. */
  readonly #owners = new Map<OwnerKey, Map<K, V>>();

  constructor(options: OwnedCacheOptions<K, V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#ownerOf.size;
  }

  has(key: K): boolean {
    return this.#ownerOf.has(key);
  }

  /** Using it keeps it. */
  get(key: K): V | undefined {
    const owner = this.#ownerOf.get(key);
    const values = owner === undefined ? undefined : this.#owners.get(owner);
    const value = values?.get(key);
    if (owner === undefined || values === undefined || value === undefined) return undefined;
    this.#touch(owner, values);
    values.delete(key);
    values.set(key, value);
    return value;
  }

  /** Takes in what is not there yet, and gives up others' or the owner's own for it. */
  add(owner: OwnerKey, key: K, value: V): void {
    this.delete(key);
    const values = this.#owners.get(owner) ?? new Map<K, V>();
    this.#touch(owner, values);
    values.set(key, value);
    this.#ownerOf.set(key, owner);
    while (this.size > this.#options.max) this.#giveUpOne();
  }

  delete(key: K): void {
    const owner = this.#ownerOf.get(key);
    const values = owner === undefined ? undefined : this.#owners.get(owner);
    const value = values?.get(key);
    if (owner === undefined || values === undefined || value === undefined) return;
    this.#ownerOf.delete(key);
    values.delete(key);
    if (values.size === 0) this.#owners.delete(owner);
    this.#options.dispose(value, key);
  }

  *values(): IterableIterator<V> {
    for (const values of this.#owners.values()) yield* values.values();
  }

  clear(): void {
    for (const key of [...this.#ownerOf.keys()]) this.delete(key);
  }

  #touch(owner: OwnerKey, values: Map<K, V>): void {
    this.#owners.delete(owner);
    this.#owners.set(owner, values);
  }

  #giveUpOne(): void {
    let most: Map<K, V> | undefined;
    for (const values of this.#owners.values()) {
      if (values.size > (most?.size ?? 0)) most = values;
    }
    const [oldest] = most?.keys() ?? [];
    if (oldest !== undefined) this.delete(oldest);
  }
}
