/** What the owner has set for the module. */
import type { CapabilityDefinition } from '../definition.ts';
import type { GuestSettings } from './contract.ts';

const defaultSettings: GuestSettings = {
  environment: new Map(),
  protocol: 'cgi',
  webSocket: 'lines',
  isPlainTextAllowed: false,
  arguments: undefined,
};

export const settingsCapability: CapabilityDefinition<GuestSettings, undefined> = {
  openThread: () => undefined,
  lend: (_side, run) => run.settings?.() ?? defaultSettings,
};
