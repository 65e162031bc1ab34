/**
 * Everything a guest may reach outside its own memory, one line a capability: the word that ABIs
 * know it by, and its folder. Threads open and close them in this order.
 */
import { aclsCapability } from './acls/capability.ts';
import { cacheCapability } from './cache/capability.ts';
import { clockCapability, timerCapability } from './clock/capability.ts';
import { configCapability } from './config/capability.ts';
import type { AnyDefinition } from './definition.ts';
import { devicesCapability } from './devices/capability.ts';
import { fetchCapability } from './fetch/capability.ts';
import { filesCapability } from './files/capability.ts';
import { geoCapability } from './geo/capability.ts';
import { keyValueCapability } from './kv/capability.ts';
import { logCapability } from './log/capability.ts';
import { randomCapability } from './random/capability.ts';
import { ratesCapability } from './rates/capability.ts';
import { resolveCapability } from './resolve/capability.ts';
import { secretsCapability } from './secrets/capability.ts';
import { settingsCapability } from './settings/capability.ts';
import { vendorCapability } from './vendor/capability.ts';

export const catalogue = {
  clock: clockCapability,
  timer: timerCapability,
  fillRandom: randomCapability,
  log: logCapability,
  settings: settingsCapability,
  files: filesCapability,
  config: configCapability,
  secrets: secretsCapability,
  acls: aclsCapability,
  geo: geoCapability,
  devices: devicesCapability,
  vendor: vendorCapability,
  rates: ratesCapability,
  resolve: resolveCapability,
  fetch: fetchCapability,
  keyValue: keyValueCapability,
  cache: cacheCapability,
} satisfies Readonly<Record<string, AnyDefinition>>;

export type Catalogue = typeof catalogue;
export type CapabilityName = keyof Catalogue;

/** Name and definition of each, for those who walk it. */
export const listedCapabilities: readonly (readonly [CapabilityName, AnyDefinition])[] =
  Object.entries(catalogue) as [CapabilityName, AnyDefinition][];
