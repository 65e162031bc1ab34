/** What a folder has by its `terrafirma.toml` and its `fastly.toml` together. Pure. */

import { type PrivateRule, parsePrivateRule } from '../private-files.ts';
import type { SiteSettings } from '../settings/site-settings.ts';
import type { FastlySettings } from './resolve.ts';

/**
 * A name that stands in both is that of `terrafirma.toml`, whole. A key-value store is one store
 * wherever it is named.
 */
export function mergeFastly(settings: SiteSettings, fastly: FastlySettings): SiteSettings {
  const { vendor } = fastly;
  const hasVendor = vendor.shieldingSites.size > 0 || vendor.validKeys.length > 0;
  const kv = new Set([...fastly.seeds.keys(), ...(settings.keyValueStores ?? [])]);
  const geo = fastly.geo === undefined ? settings.geo : { ...fastly.geo, ...settings.geo };
  const addresses = both(fastly.geo?.addresses, settings.geo?.addresses);
  return {
    ...settings,
    ...given('backends', both(fastly.backends, settings.backends)),
    ...given('configStores', both(fastly.configStores, settings.configStores)),
    ...given('secretStores', both(fastly.secretStores, settings.secretStores)),
    ...given('acls', both(fastly.acls, settings.acls)),
    ...given('devices', both(fastly.devices, settings.devices)),
    ...(kv.size === 0 ? {} : { keyValueStores: [...kv] }),
    ...(geo === undefined ? {} : { geo: { ...geo, ...given('addresses', addresses) } }),
    ...(hasVendor ? { vendor } : {}),
  };
}

/**
 * The same with files that no visitor gets: those that a `fastly.toml` names may be secrets, keys
 * and what a store begins with.
 */
export function withPrivate(settings: SiteSettings, paths: readonly string[]): SiteSettings {
  const rules = paths.flatMap((path): PrivateRule[] => {
    const rule = parsePrivateRule(`/${path}`);
    return rule === undefined ? [] : [rule];
  });
  if (rules.length === 0) return settings;
  return { ...settings, privateFiles: [...(settings.privateFiles ?? []), ...rules] };
}

function both<T>(
  one: ReadonlyMap<string, T> | undefined,
  over: ReadonlyMap<string, T> | undefined,
): ReadonlyMap<string, T> {
  return new Map([...(one ?? []), ...(over ?? [])]);
}

function given<K extends string, T>(
  key: K,
  map: ReadonlyMap<string, T>,
): { readonly [P in K]?: ReadonlyMap<string, T> } {
  return map.size === 0 ? {} : ({ [key]: map } as { readonly [P in K]?: ReadonlyMap<string, T> });
}
