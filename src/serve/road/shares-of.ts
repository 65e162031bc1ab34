/** On whose account a visit to a site is; see `src/account/shares.ts`. */
import type { Shares } from '../../account/shares.ts';
import { clientNetwork } from '../../names.ts';
import type { Site } from '../../site/table.ts';

/** Without an address: what is done for the site before anybody visits. */
export function sharesOf({ owner, folderKey }: Site, clientAddress?: string): Shares {
  const client = clientAddress === undefined ? '' : clientNetwork(clientAddress);
  return { owner, site: folderKey, client };
}
