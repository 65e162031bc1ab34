/**
 * How much each of many has of something, by a key: owners, clients, names. Whoever has nothing
 * takes no memory, so that a table is as large as what is counted, which has a limit. Pure.
 */
export class Counts<Key> {
  readonly #counts = new Map<Key, number>();
  #total = 0;

  /** What all have together. */
  get total(): number {
    return this.#total;
  }

  /** How many have something. */
  get size(): number {
    return this.#counts.size;
  }

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Adds or, with a negative amount, takes away. */
  add(key: Key, amount: number): void {
    const sum = this.of(key) + amount;
    if (sum === 0) this.#counts.delete(key);
    else this.#counts.set(key, sum);
    this.#total += amount;
  }

  clear(): void {
    this.#counts.clear();
    this.#total = 0;
  }

  [Symbol.iterator](): IterableIterator<[Key, number]> {
    return this.#counts.entries();
  }
}
