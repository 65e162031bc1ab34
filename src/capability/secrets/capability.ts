/**
 * Secret stores: what the folder's `terrafirma.toml` says under `[secrets]`, opened on the control
 * plane. A module's own secrets are in its store `default`, over those of the folder.
 */

import type { ModulePath } from '../../names.ts';
import { defaultStore } from '../../site/settings/stores.ts';
import { grantsFor, isGranted, type SiteSettings } from '../../site/settings.ts';
import type { CapabilityDefinition } from '../definition.ts';
import { GrantCache } from '../grant-cache.ts';
import { NamedStores, nothingNamed } from '../named-stores.ts';
import type { SecretStore, SecretStores } from './contract.ts';

export const secretsCapability: CapabilityDefinition<
  SecretStores,
  GrantCache<SiteSettings, SecretStores>
> = {
  openThread: () => new GrantCache(workOutStores),
  lend: (cache, { siteSettings, modulePath }) =>
    siteSettings === undefined ? nothingNamed : cache.of(siteSettings, modulePath),
};

function workOutStores(settings: SiteSettings, modulePath: string): SecretStores {
  const grant = grantsFor(settings, modulePath).secrets;
  const own = settings.modules.get(modulePath as ModulePath)?.secrets;
  const entries = new Map(settings.secretStores);
  if (own !== undefined) {
    entries.set(defaultStore, new Map([...(entries.get(defaultStore) ?? []), ...own]));
  }
  const stores = new Map<string, SecretStore>();
  for (const [name, secrets] of entries) {
    if (isGranted(grant, name)) stores.set(name, new OpenStore(secrets));
  }
  return new NamedStores(stores);
}

class OpenStore implements SecretStore {
  readonly #secrets: ReadonlyMap<string, string>;

  constructor(secrets: ReadonlyMap<string, string>) {
    this.#secrets = secrets;
  }

  /** A copy, which the guest may have. */
  get(key: string): Uint8Array | undefined {
    const secret = this.#secrets.get(key);
    return secret === undefined ? undefined : new TextEncoder().encode(secret);
  }
}
