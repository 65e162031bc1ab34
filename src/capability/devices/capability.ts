/** What visitors' programs are: what the folder's files say, by the whole text of the header. */
import type { CapabilityDefinition } from '../definition.ts';
import type { Devices } from './contract.ts';

const noneKnown: Devices = { lookup: () => undefined };

export const devicesCapability: CapabilityDefinition<Devices, undefined> = {
  openThread: () => undefined,
  lend(_, { siteSettings }) {
    const devices = siteSettings?.devices;
    return devices === undefined ? noneKnown : { lookup: (text) => devices.get(text) };
  },
};
