/** Writes of one run that have not ended: what the run asks for later must see them. */
import type { KeyValueStore } from '../../../capability/kv/contract.ts';

export class KvWrites {
  readonly #underWay = new Map<KeyValueStore, Map<string, Promise<void>>>();

  /** What must have ended before an operation on the key, or on all keys, may begin. */
  before(store: KeyValueStore, key: string | undefined): Promise<unknown> | undefined {
    const ofStore = this.#underWay.get(store);
    if (ofStore === undefined || ofStore.size === 0) return undefined;
    return key === undefined ? Promise.all(ofStore.values()) : ofStore.get(key);
  }

  /** `ended` never rejects, and comes after what was before. */
  add(store: KeyValueStore, key: string, ended: Promise<void>): void {
    let ofStore = this.#underWay.get(store);
    if (ofStore === undefined) {
      ofStore = new Map();
      this.#underWay.set(store, ofStore);
    }
    const writes = ofStore;
    writes.set(key, ended);
    void ended.then(() => {
      if (writes.get(key) === ended) writes.delete(key);
    });
  }
}
