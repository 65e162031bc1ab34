/** What a folder lets one of its modules fetch. Pure. */
import { allowsOrigin, type OriginRule } from '../../site/settings/grants.ts';
import { grantsFor, isGranted, type SiteSettings } from '../../site/settings.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { Backend } from './contract.ts';

export interface FetchGrant {
  /** Where requests may go; undefined: anywhere that guests may. */
  readonly outbound: readonly OriginRule[] | undefined;
  readonly backends: ReadonlyMap<string, Backend>;
}

/** Of a folder without settings. */
export const wholeFetchGrant: FetchGrant = { outbound: undefined, backends: new Map() };

export function workOutFetchGrant(settings: SiteSettings, modulePath: string): FetchGrant {
  const grants = grantsFor(settings, modulePath);
  const backends = new Map<string, Backend>();
  for (const [name, backend] of settings.backends ?? []) {
    if (!isGranted(grants.backends, name)) continue;
    const { clientKey, ...others } = backend;
    const key = clientKey && settings.secretStores?.get(clientKey.store)?.get(clientKey.name);
    backends.set(name, key === undefined ? others : { ...others, clientKeyPem: key });
  }
  return { outbound: grants.outbound, backends };
}

/**
 * Before DNS, and again at each redirect.
 *
 * @throws CapabilityRefusal `forbidden`.
 */
export function requireGranted(grant: FetchGrant, href: string): void {
  if (grant.outbound === undefined) return;
  const url = new URL(href);
  if (allowsOrigin(grant.outbound, url)) return;
  const message = `Cannot fetch ${url.origin}: the folder's list must have it: received another`;
  throw new CapabilityRefusal('forbidden', message);
}
