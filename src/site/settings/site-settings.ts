/** What a `terrafirma.toml` says, read and checked. Plain data: it crosses threads. */
import type { ModulePath } from '../../names.ts';
import type { VendorSettings } from '../fastly/vendor-settings.ts';
import type { FileFields } from './file.ts';
import type { ModuleTable, SharedTable } from './modules.ts';

/**
 * What is not set is left out: a folder that sets little crosses threads as little. In a `Site`,
 * secrets are open; in what was read of a file, they may be sealed.
 */
export interface SiteSettings extends Omit<FileFields, keyof SharedTable> {
  /** For all modules of the folder. */
  readonly general: SharedTable;
  readonly modules: ReadonlyMap<ModulePath, ModuleTable>;
  /** From the folder's `fastly.toml` alone. */
  readonly vendor?: VendorSettings;
}
