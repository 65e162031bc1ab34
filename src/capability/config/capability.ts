/** Config stores: what the folder's `terrafirma.toml` says under `[config]`. */
import { grantsFor, isGranted, type SiteSettings } from '../../site/settings.ts';
import type { CapabilityDefinition } from '../definition.ts';
import { GrantCache } from '../grant-cache.ts';
import { NamedStores, nothingNamed } from '../named-stores.ts';
import type { ConfigStore, ConfigStores } from './contract.ts';

export const configCapability: CapabilityDefinition<
  ConfigStores,
  GrantCache<SiteSettings, ConfigStores>
> = {
  openThread: () => new GrantCache(workOutStores),
  lend: (cache, { siteSettings, modulePath }) =>
    siteSettings?.configStores === undefined ? nothingNamed : cache.of(siteSettings, modulePath),
};

function workOutStores(settings: SiteSettings, modulePath: string): ConfigStores {
  const grant = grantsFor(settings, modulePath).config;
  const stores = new Map<string, ConfigStore>();
  for (const [name, entries] of settings.configStores ?? []) {
    if (isGranted(grant, name)) stores.set(name, new TextStore(entries));
  }
  return new NamedStores(stores);
}

class TextStore implements ConfigStore {
  readonly #entries: ReadonlyMap<string, string>;

  constructor(entries: ReadonlyMap<string, string>) {
    this.#entries = entries;
  }

  get keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get(key: string): string | undefined {
    return this.#entries.get(key);
  }
}
