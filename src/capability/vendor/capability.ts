/** What stands for the vendor's cloud: what the folder's `fastly.toml` says, else nothing. */
import type { CapabilityDefinition } from '../definition.ts';
import type { Vendor } from './contract.ts';

const nothingSaid: Vendor = { shieldingSite: () => undefined, isValidKey: () => false };

export const vendorCapability: CapabilityDefinition<Vendor, undefined> = {
  openThread: () => undefined,
  lend(_, { siteSettings }) {
    const vendor = siteSettings?.vendor;
    if (vendor === undefined) return nothingSaid;
    return {
      shieldingSite: (name) => vendor.shieldingSites.get(name),
      isValidKey: (key) => vendor.validKeys.includes(key),
    };
  },
};
