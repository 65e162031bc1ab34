/** What of a `fastly.toml` stands for the vendor's cloud, and has no name in `terrafirma.toml`. */
import type { ShieldingSite } from './lookups.ts';

export interface VendorSettings {
  readonly shieldingSites: ReadonlyMap<string, ShieldingSite>;
  /** Which values of `Fastly-Key` count as valid. */
  readonly validKeys: readonly string[];
}
