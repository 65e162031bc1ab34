/** What a folder has under names, as far as one of its modules may reach it. */

export class NamedStores<Store> {
  readonly #stores: ReadonlyMap<string, Store>;

  constructor(stores: ReadonlyMap<string, Store>) {
    this.#stores = stores;
  }

  open(name: string): Store | undefined {
    return this.#stores.get(name);
  }
}

/** Of a folder that names nothing. */
export const nothingNamed = { open: (): undefined => undefined };
