/** What the owner says about one folder: its `.kbp_config` and its `terrafirma.toml`, together. */
import type { Limits } from '../../config/config.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { FolderRecord } from '../keep/record.ts';
import { soonest } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';
import { ManifestFile, type ManifestState } from './manifest-file.ts';
import { openSettingsFile, type SettingsState } from './settings-file.ts';
import type { SettingsInForce } from './settings-in-force.ts';

export interface RulesOptions {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly limits: Pick<Limits, 'manifestBytesMax' | 'settingsBytesMax'>;
  readonly inForce: SettingsInForce;
}

export class FolderRules {
  readonly #options: RulesOptions;
  readonly #manifest: ManifestFile;
  readonly #settings: ReturnType<typeof openSettingsFile>;

  constructor(options: RulesOptions) {
    this.#options = options;
    this.#manifest = new ManifestFile(options);
    this.#settings = openSettingsFile(options);
  }

  get manifest(): ManifestState {
    return this.#manifest.state;
  }

  /** As the file says it. */
  get settings(): SettingsState {
    return this.#settings.state;
  }

  /** As it holds here. */
  get inForce(): SettingsInForce {
    return this.#options.inForce;
  }

  /** Whether kept versions of modules can be asked for. */
  get hasAddresses(): boolean {
    const { settings } = this;
    return settings.kind === 'good' && settings.value.site?.versionsPublic === true;
  }

  /** Whether both have been looked at, good or broken: before, nobody knows who may read. */
  get isKnown(): boolean {
    return this.manifest.kind !== 'unknown' && this.settings.kind !== 'unknown';
  }

  /** Takes what held before, until the files have been looked at. */
  async restore(record: Pick<FolderRecord, 'manifest' | 'settings'>): Promise<void> {
    this.#restore(record);
    await this.inForce.take(this.settings);
  }

  #restore(record: Pick<FolderRecord, 'manifest' | 'settings'>): void {
    this.#manifest.restore(record.manifest);
    this.#settings.restore(record.settings);
  }

  /** The rules of the folder in its new place; those of the old one hold until it is looked at. */
  movedTo(directory: string): FolderRules {
    const moved = new FolderRules({ ...this.#options, directory });
    const { manifest, settings } = this;
    if (manifest.kind !== 'unknown' && settings.kind !== 'unknown') {
      moved.#restore({ manifest: manifest.text, settings: settings.text });
    }
    return moved;
  }

  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0 when all is known.
   *
   * @throws only when the mount is unreachable
   */
  async look(timing: FolderTiming, nowMs: number): Promise<number> {
    const files = [this.#manifest, this.#settings];
    const waitMs = soonest(await Promise.all(files.map((file) => file.look(timing, nowMs))));
    await this.inForce.take(this.settings);
    return waitMs;
  }
}
