/** Which key-value stores exist for a module. Pure. */
import { grantsFor, isGranted, type SiteSettings } from '../../site/settings.ts';
import { CapabilityRefusal } from '../refusal.ts';

/** Whether the folder has a store of that name, and lets the module reach it. */
export function isStoreGranted(settings: SiteSettings, modulePath: string, name: string): boolean {
  if (settings.keyValueStores?.includes(name) !== true) return false;
  return isGranted(grantsFor(settings, modulePath).kv, name);
}

/**
 * A module has a store of its own unless it is granted none at all.
 *
 * @throws CapabilityRefusal `forbidden`.
 */
export function requireOwnStore(settings: SiteSettings, modulePath: string): void {
  if (grantsFor(settings, modulePath).kv !== false) return;
  const message = 'Cannot use the key-value store: it must be granted: received a module without';
  throw new CapabilityRefusal('forbidden', message);
}
