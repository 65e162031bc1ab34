/** The files of the site, to read. */
import type { CapabilityDefinition } from '../definition.ts';
import type { SiteFiles } from './contract.ts';
import { SiteFileSource } from './files.ts';

export const filesCapability: CapabilityDefinition<SiteFiles, SiteFileSource> = {
  openThread: ({ guards }) => new SiteFileSource(guards),
  lend: (source, { place }) => source.forSite(place),
};
