/** The files of the site, to read. */
import type { SiteSettings } from '../../site/settings.ts';
import type { CapabilityDefinition, RunIdentity } from '../definition.ts';
import { GrantCache } from '../grant-cache.ts';
import type { SiteFiles } from './contract.ts';
import { SiteFileSource } from './files.ts';
import { type FilesGrant, GrantedFiles, workOutFilesGrant } from './grant.ts';

class FilesSide {
  readonly #source: SiteFileSource;
  readonly #grants = new GrantCache<SiteSettings, FilesGrant>(workOutFilesGrant);

  constructor(source: SiteFileSource) {
    this.#source = source;
  }

  lend({ place, siteSettings, modulePath }: RunIdentity): SiteFiles {
    const files = this.#source.forSite(place);
    const grant = siteSettings && this.#grants.of(siteSettings, modulePath);
    return grant === undefined ? files : new GrantedFiles(files, grant);
  }
}

export const filesCapability: CapabilityDefinition<SiteFiles, FilesSide> = {
  openThread: ({ guards }) => new FilesSide(new SiteFileSource(guards)),
  lend: (side, run) => side.lend(run),
};
