/** What stands for the vendor's cloud: what the folder's own files say, else nothing. */
import type { CapabilityDefinition } from '../definition.ts';
import type { Vendor } from './contract.ts';

const nothingSaid: Vendor = {
  shieldingSite: () => undefined,
  isValidKey: () => false,
  hasBotFields: false,
  inspection: undefined,
};

export const vendorCapability: CapabilityDefinition<Vendor, undefined> = {
  openThread: () => undefined,
  lend(_, { siteSettings }) {
    const vendor = siteSettings?.vendor;
    const answers = siteSettings?.fastly;
    if (vendor === undefined && answers === undefined) return nothingSaid;
    return {
      shieldingSite: (name) => vendor?.shieldingSites.get(name),
      isValidKey: (key) => vendor?.validKeys.includes(key) ?? false,
      hasBotFields: answers?.botFields ?? false,
      inspection: answers?.inspection,
    };
  },
};
