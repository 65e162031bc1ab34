/**
 * What is kept for as long as there is room, shared by owner: where that is too much, the owner who
 * has the most gives up what it has not used for the longest time. With one line for all, whoever
 * asks for enough of his own pushes out what others use seldom. Pure.
 */
import type { OwnerKey } from '../names.ts';

export interface OwnedCacheOptions<K, V> {
  /** Of all owners together: things, or the sum of their sizes. */
  readonly max: number;
  /** At most `max`; each counts as one where it is left out. */
  readonly sizeOf?: (value: V) => number;
  /** Called with what is given up, by whatever way. */
  readonly dispose: (value: V, key: K) => void;
}

interface Line<K, V> {
  /** The least recently used first. */
  readonly values: Map<K, V>;
  size: number;
}

export class OwnedCache<K, V> {
  readonly #options: OwnedCacheOptions<K, V>;
  readonly #ownerOf = new Map<K, OwnerKey>();
  /** The owner that used something last is at the end. */
  readonly #lines = new Map<OwnerKey, Line<K, V>>();
  #size = 0;

  constructor(options: OwnedCacheOptions<K, V>) {
    this.#options = options;
  }

  /** What is kept, as `max` counts it. */
  get size(): number {
    return this.#size;
  }

  /** What there is room for, as it is counted. */
  get max(): number {
    return this.#options.max;
  }

  has(key: K): boolean {
    return this.#ownerOf.has(key);
  }

  /** Using it keeps it. */
  get(key: K): V | undefined {
    const found = this.#find(key);
    if (found === undefined) return undefined;
    const { owner, line, value } = found;
    this.#touch(owner, line);
    line.values.delete(key);
    line.values.set(key, value);
    return value;
  }

  /** Takes it in, in place of what was there by that key, and gives up others for it. */
  add(owner: OwnerKey, key: K, value: V): void {
    this.delete(key);
    const line = this.#lines.get(owner) ?? { values: new Map<K, V>(), size: 0 };
    this.#touch(owner, line);
    line.values.set(key, value);
    this.#ownerOf.set(key, owner);
    this.#resize(line, this.#sizeOf(value));
    while (this.#size > this.#options.max) {
      const next = this.#nextToGo(key);
      if (next === undefined) return;
      this.delete(next);
    }
  }

  delete(key: K): void {
    const found = this.#find(key);
    if (found === undefined) return;
    const { owner, line, value } = found;
    this.#ownerOf.delete(key);
    line.values.delete(key);
    this.#resize(line, -this.#sizeOf(value));
    if (line.values.size === 0) this.#lines.delete(owner);
    this.#options.dispose(value, key);
  }

  *values(): IterableIterator<V> {
    for (const { values } of this.#lines.values()) yield* values.values();
  }

  clear(): void {
    for (const key of [...this.#ownerOf.keys()]) this.delete(key);
  }

  #find(key: K) {
    const owner = this.#ownerOf.get(key);
    const line = owner === undefined ? undefined : this.#lines.get(owner);
    const value = line?.values.get(key);
    if (owner === undefined || line === undefined || value === undefined) return undefined;
    return { owner, line, value };
  }

  #touch(owner: OwnerKey, line: Line<K, V>): void {
    this.#lines.delete(owner);
    this.#lines.set(owner, line);
  }

  #sizeOf(value: V): number {
    return this.#options.sizeOf?.(value) ?? 1;
  }

  #resize(line: Line<K, V>, by: number): void {
    line.size += by;
    this.#size += by;
  }

  /** Of the owner who has the most; never what was just taken in, however large it is. */
  #nextToGo(added: K): K | undefined {
    let most: { readonly size: number; readonly oldest: K } | undefined;
    for (const { values, size } of this.#lines.values()) {
      const [oldest] = values.keys();
      if (oldest === undefined || oldest === added || size <= (most?.size ?? 0)) continue;
      most = { size, oldest };
    }
    return most?.oldest;
  }
}
