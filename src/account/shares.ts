import type { OwnerKey } from '../names.ts';

/**
 * Whose account a run is on. Everything that runs of strangers share is shared by owner, then by
 * the owner's sites, then by the clients of a site: more folders, or more connections, give nobody
 * a larger share.
 */
export interface Shares {
  readonly owner: OwnerKey;
  readonly site: string;
  /** Who visits, by the prefix of the address; empty where nobody does. */
  readonly client: string;
}
