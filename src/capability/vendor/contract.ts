/** What a folder says in place of the vendor's cloud, as a guest's ABI sees it. */

/** `local`: this node; else the URLs of the site. */
export type ShieldingSite = 'local' | { readonly encrypted: string; readonly unencrypted: string };

export interface Vendor {
  /** Undefined for a site that the folder does not name. */
  shieldingSite(name: string): ShieldingSite | undefined;
  /** Whether the folder lists that key of the vendor's interface. */
  isValidKey(key: string): boolean;
  /** Whether the fields `x-fastly-bot-…` of a request say which robot asks. */
  readonly hasBotFields: boolean;
  /** What the inspection of a request answers; undefined: there is none. */
  readonly inspection: 'allow' | undefined;
}
