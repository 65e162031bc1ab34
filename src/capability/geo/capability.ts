/** Where addresses are: what the folder's files say, and nothing that anybody has guessed. */
import type { SiteSettings } from '../../site/settings.ts';
import type { CapabilityDefinition } from '../definition.ts';
import { GrantCache } from '../grant-cache.ts';
import type { Geo } from './contract.ts';
import { Places } from './places.ts';

interface GeoSide {
  readonly cache: GrantCache<SiteSettings, Geo>;
  /** Of a folder that says nothing. */
  readonly usual: Geo;
}

export const geoCapability: CapabilityDefinition<Geo, GeoSide> = {
  openThread: () => ({
    cache: new GrantCache(({ geo }) => new Places(geo ?? {})),
    usual: new Places({}),
  }),
  lend: ({ cache, usual }, { siteSettings }) =>
    // The same for all modules of a folder.
    siteSettings?.geo === undefined ? usual : cache.of(siteSettings, ''),
};
