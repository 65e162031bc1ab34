/** Lists of addresses: what the folder's `terrafirma.toml` says under `[acls]`. */
import { grantsFor, isGranted, type SiteSettings } from '../../site/settings.ts';
import type { CapabilityDefinition } from '../definition.ts';
import { GrantCache } from '../grant-cache.ts';
import { NamedStores, nothingNamed } from '../named-stores.ts';
import { AddressList } from './acl.ts';
import type { Acl, Acls } from './contract.ts';

export const aclsCapability: CapabilityDefinition<Acls, GrantCache<SiteSettings, Acls>> = {
  openThread: () => new GrantCache(workOutLists),
  lend: (cache, { siteSettings, modulePath }) =>
    siteSettings?.acls === undefined ? nothingNamed : cache.of(siteSettings, modulePath),
};

function workOutLists(settings: SiteSettings, modulePath: string): Acls {
  const grant = grantsFor(settings, modulePath).acls;
  const lists = new Map<string, Acl>();
  for (const [name, list] of settings.acls ?? []) {
    if (isGranted(grant, name)) lists.set(name, new AddressList(list));
  }
  return new NamedStores(lists);
}
