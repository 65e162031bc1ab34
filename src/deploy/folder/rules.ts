/**
 * What the owner says about one folder: its `.kbp_config`, its `terrafirma.toml` and its
 * `fastly.toml`, together.
 */
import type { Limits } from '../../config/config.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import type { SharedStore } from '../../outside/store/contract.ts';
import type { ReadVariable } from '../../site/fastly/resolve.ts';
import type { FolderCommon } from '../common/folder-common.ts';
import type { DeployConfig } from '../deploy-config.ts';
import type { FolderRecord } from '../keep/record.ts';
import { soonest } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';
import { FolderFastly } from './fastly-file.ts';
import { ManifestFile, type ManifestState } from './manifest-file.ts';
import { StoreSeeds } from './seeds.ts';
import { openSettingsFile, type SettingsState } from './settings-file.ts';
import { type InForceParts, SettingsInForce } from './settings-in-force.ts';

type KeptRules = Pick<FolderRecord, 'manifest' | 'settings' | 'fastly'>;

export interface RulesOptions {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly limits: Pick<
    Limits,
    'manifestBytesMax' | 'settingsBytesMax' | 'fastlyTomlBytesMax' | 'fastlyFilesBytesMax'
  >;
  /** Variables of the daemon that folders may have as secrets. */
  readonly variable: ReadVariable;
  readonly inForce: SettingsInForce;
  /** Of several nodes that have copies of the folder. */
  readonly common: Pick<FolderCommon, 'rules' | 'fastly' | 'texts'> | undefined;
}

export interface RulesParts extends Pick<InForceParts, 'sealingKeys' | 'journal' | 'variables'> {
  readonly config: DeployConfig;
  readonly fs: GuardedFs;
  readonly shared: SharedStore;
  readonly variable: ReadVariable;
}

export class FolderRules {
  readonly #options: RulesOptions;
  readonly #manifest: ManifestFile;
  readonly #settings: ReturnType<typeof openSettingsFile>;
  readonly #fastly: FolderFastly;

  /** Those of a folder that comes into use. */
  static open(
    { key, directory }: LocatedFolder,
    parts: RulesParts,
    common: RulesOptions['common'],
  ): FolderRules {
    const { config, fs, shared, variable } = parts;
    const { limits } = config;
    const seeds = new StoreSeeds(shared);
    const inForce = new SettingsInForce(key, { ...parts, ...config, ceilings: config, seeds });
    return new FolderRules({ fs, directory, limits, inForce, variable, common });
  }

  constructor(options: RulesOptions) {
    this.#options = options;
    this.#manifest = new ManifestFile(options);
    this.#settings = openSettingsFile(options);
    this.#fastly = new FolderFastly({ ...options, isShared: options.common !== undefined });
  }

  get manifest(): ManifestState {
    return this.#manifest.state;
  }

  /** As the file says it. */
  get settings(): SettingsState {
    return this.#settings.state;
  }

  /** The text of the `fastly.toml`; undefined where there is none, or nobody knows yet. */
  get fastlyText(): string | undefined {
    return this.#fastly.text;
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

  /** Whether all have been looked at, good or broken: before, nobody knows who may read. */
  get isKnown(): boolean {
    const { manifest, settings } = this;
    return manifest.kind !== 'unknown' && settings.kind !== 'unknown' && this.#fastly.isKnown;
  }

  /** Takes what held before, until the files have been looked at. */
  async restore(record: KeptRules): Promise<void> {
    this.#restore(record);
    await this.#takeSettings();
  }

  #restore(record: KeptRules): void {
    this.#manifest.restore(record.manifest);
    this.#settings.restore(record.settings);
    this.#fastly.restore(record.fastly);
    if (this.#options.common === undefined) return;
    // What the copy shows holds once it is known to be the newest.
    this.#manifest.follow(record.manifest);
    this.#settings.follow(record.settings);
  }

  /** The rules of the folder in its new place; those of the old one hold until it is looked at. */
  movedTo(directory: string): FolderRules {
    const moved = new FolderRules({ ...this.#options, directory });
    moved.#fastly.inherit(this.#fastly);
    const { manifest, settings } = this;
    if (manifest.kind !== 'unknown' && settings.kind !== 'unknown') {
      const fastly = this.fastlyText;
      moved.#restore({ manifest: manifest.text, settings: settings.text, fastly });
    }
    return moved;
  }

  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0 when all is known.
   *
   * @throws only when the mount is unreachable
   */
  async look(timing: FolderTiming, nowMs: number): Promise<number> {
    const files = [this.#manifest, this.#settings, this.#fastly];
    const waitMs = soonest(await Promise.all(files.map((file) => file.look(timing, nowMs))));
    await this.#agree(false);
    await this.#takeSettings();
    return waitMs;
  }

  /**
   * Once it is sure that the folder is the one that it was: what is not there any more was deleted,
   * for all nodes that have copies of it.
   */
  async agreeAll(): Promise<void> {
    if (this.#options.common === undefined) return;
    await this.#agree(true);
    await this.#takeSettings();
  }

  /** While the copy cannot be looked at: what other nodes have holds, where it is known. */
  async followOthers(): Promise<void> {
    const rules = this.#options.common?.rules;
    if (rules === undefined) return;
    const files = { manifest: this.#manifest, settings: this.#settings } as const;
    for (const name of ['manifest', 'settings'] as const) {
      const head = rules.headOf(name);
      if (head !== undefined) files[name].follow(head.text);
    }
    const fastly = await this.#options.common?.fastly?.head();
    if (fastly?.kind === 'others') this.#fastly.follow(fastly.bundle);
    await this.#takeSettings();
  }

  async #takeSettings(): Promise<void> {
    const { common, inForce } = this.#options;
    await inForce.take(this.settings, this.#fastly.state, common?.texts);
  }

  /** Takes up what other nodes have that is newer, and tells them what is new here. */
  async #agree(isFolderSure: boolean): Promise<void> {
    const rules = this.#options.common?.rules;
    if (rules === undefined) return;
    const files = { manifest: this.#manifest, settings: this.#settings } as const;
    for (const name of ['manifest', 'settings'] as const) {
      const { shown } = files[name];
      if (shown === undefined) continue;
      const fate = await rules.judge(name, shown, isFolderSure);
      if (fate.kind === 'own') files[name].followOwn();
      else if (fate.kind === 'others') files[name].follow(fate.text);
    }
    await this.#agreeFastly(isFolderSure);
  }

  async #agreeFastly(isFolderSure: boolean): Promise<void> {
    const fastly = this.#options.common?.fastly;
    if (fastly === undefined) return;
    const fate = await fastly.judge(this.#fastly.shown, isFolderSure);
    if (fate.kind === 'own') this.#fastly.followOwn();
    else if (fate.kind === 'others') this.#fastly.follow(fate.bundle);
  }
}
