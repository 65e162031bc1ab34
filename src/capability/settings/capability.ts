/** What the owner has set for the module. */
import { noSettings, settingsFor } from '../../site/settings.ts';
import type { CapabilityDefinition } from '../definition.ts';
import type { GuestSettings } from './contract.ts';

export const settingsCapability: CapabilityDefinition<GuestSettings, undefined> = {
  openThread: () => undefined,
  lend: (_side, { siteSettings, modulePath }) =>
    settingsFor(siteSettings ?? noSettings, modulePath),
};
