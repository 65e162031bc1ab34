/** Which key-value stores exist for a module. Pure. */
import { grantsFor, type SiteSettings } from '../../site/settings.ts';
import { isGranted } from '../granted.ts';

/** Whether the folder has a store of that name, and lets the module reach it. */
export function isStoreGranted(settings: SiteSettings, modulePath: string, name: string): boolean {
  if (settings.keyValueStores?.includes(name) !== true) return false;
  return isGranted(grantsFor(settings, modulePath).kv, name);
}
