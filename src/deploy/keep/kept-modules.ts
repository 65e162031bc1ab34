/**
 * The kept versions of one folder's modules and which of them serve: the folder's record in the
 * store, and the rollbacks that were made beside it. In memory first for reading, in the store
 * before anything depends on it.
 */
import { describeError, type ErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { ModulePath } from '../../names.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import type { SharedStore } from '../../outside/store/contract.ts';
import type { ModuleVersion } from '../../site/table.ts';
import type { Digest } from '../../threads/messages.ts';
import type { DeployConfig } from '../deploy-config.ts';
import type { ManifestState } from '../folder/manifest-file.ts';
import type { SettingsState } from '../folder/settings-file.ts';
import { acceptVersion, noteSeen, servingVersion } from './history.ts';
import { PinNews } from './pin-news.ts';
import { type Pin, readPins, takeOverPins } from './pins.ts';
import type { FolderRecord, KeptVersion, ModuleRecord, SeenContent } from './record.ts';
import type { AddedModule, ModuleStore } from './store.ts';

const dayMs = 86_400_000;
const noNewPins = Promise.resolve(false);

export interface KeptModulesParts {
  readonly config: DeployConfig;
  readonly store: ModuleStore;
  readonly journal: Journal;
  /** Where rollbacks are. */
  readonly shared: SharedStore;
}

/** What the owner says now. */
export interface RulesNow {
  readonly manifest: ManifestState;
  readonly settings: SettingsState;
  /** Of the `fastly.toml`; undefined where there is none. */
  readonly fastlyText: string | undefined;
}

export class KeptModules {
  #located: LocatedFolder;
  readonly #parts: KeptModulesParts;
  readonly #records = new Map<ModulePath, ModuleRecord>();
  /** Records of modules whose next one is being written: until it is, these say what serves. */
  readonly #written = new Map<ModulePath, ModuleRecord | undefined>();
  #pins: ReadonlyMap<ModulePath, Pin> = new Map();
  #pinsStamp = 'unread';
  #isPinTroubleTold = false;
  /** Undefined until the folder is glanced at. */
  #pinNews: PinNews | undefined;
  #isClosed = false;
  #manifestText: string | undefined;
  #settingsText: string | undefined;
  #fastlyText: string | undefined;

  constructor(located: LocatedFolder, parts: KeptModulesParts) {
    this.#located = located;
    this.#parts = parts;
  }

  /** Takes up what the store has of the folder, without versions whose bytes are lost. */
  async restore(): Promise<FolderRecord | undefined> {
    const { store } = this.#parts;
    const pins = this.#readPins();
    const record = await store.readFolder(this.#located.key);
    if (record === undefined) {
      this.#takePins(await pins);
      return undefined;
    }
    this.#manifestText = record.manifest;
    this.#settingsText = record.settings;
    this.#fastlyText = record.fastly;
    for (const [path, module] of record.modules) {
      const [newest, ...older] = module.versions.filter(({ digest }) => store.has(digest));
      if (newest !== undefined) {
        this.#records.set(path, { ...module, versions: [newest, ...older] });
      }
    }
    this.#takePins(await pins);
    return record;
  }

  /** The folder is elsewhere from now on. */
  moveTo(located: LocatedFolder): void {
    this.#located = located;
  }

  get hasLive(): boolean {
    return [...this.#records.values()].some(({ goneAtMs }) => goneAtMs === undefined);
  }

  /** The record of a module, also of one whose file was deleted. */
  record(path: ModulePath): ModuleRecord | undefined {
    return this.#records.get(path);
  }

  /** The record of a module whose file is there. */
  live(path: ModulePath): ModuleRecord | undefined {
    const record = this.#records.get(path);
    return record?.goneAtMs === undefined ? record : undefined;
  }

  /**
   * The version of a module that answers requests. None that a crash of this moment would forget:
   * who has seen it once would see the one before again.
   */
  serving(path: ModulePath): KeptVersion | undefined {
    const record = this.#durable(path);
    return record === undefined ? undefined : servingVersion(record, this.#pins.get(path));
  }

  #durable(path: ModulePath): ModuleRecord | undefined {
    const record = this.#written.has(path) ? this.#written.get(path) : this.#records.get(path);
    return record?.goneAtMs === undefined ? record : undefined;
  }

  /**
   * The version that may answer: the serving one; or where that is refused, with its reason, the
   * newest that is not. What was good before serves on.
   */
  servable(
    path: ModulePath,
    verdicts: { refusalOf(digest: Digest): ErrorRecord | undefined },
  ): {
    readonly version: KeptVersion | undefined;
    readonly quarantine?: ErrorRecord | undefined;
  } {
    const version = this.serving(path);
    const quarantine = version === undefined ? undefined : verdicts.refusalOf(version.digest);
    if (quarantine === undefined) return { version };
    const versions = this.#durable(path)?.versions ?? [];
    const free = versions.find(({ digest }) => verdicts.refusalOf(digest) === undefined);
    return { version: free, quarantine };
  }

  /** The versions of a module that can be asked for: durable, with their bytes. */
  addressable(path: ModulePath): readonly ModuleVersion[] {
    const versions = this.#durable(path)?.versions ?? [];
    return versions
      .filter(({ digest }) => this.#parts.store.has(digest))
      .map(({ digest, abi }) => ({ digest, abi }));
  }

  /** Versions of a module whose bytes are here. */
  digestsOf(path: ModulePath): readonly Digest[] {
    const versions = this.#records.get(path)?.versions ?? [];
    return versions.map(({ digest }) => digest).filter((each) => this.#parts.store.has(each));
  }

  /**
   * Keeps a good version, durably, with its bytes where it is new.
   *
   * @throws TerrafirmaError('state') when it cannot be kept; everything is then as before
   */
  async accept(
    path: ModulePath,
    accepted: { readonly version: KeptVersion; readonly seen: SeenContent },
    bytes?: AddedModule['bytes'],
  ): Promise<void> {
    const before = this.#records.get(path);
    const { versionsKeptMax, moduleBytesPerFolderMax } = this.#parts.config.limits;
    const limits = { versionsKeptMax, keptBytesMax: moduleBytesPerFolderMax };
    const pin = this.#pins.get(path);
    const isFirst = !this.#written.has(path);
    if (isFirst) this.#written.set(path, before);
    this.#records.set(path, acceptVersion(before, accepted, { pin, limits }));
    try {
      const { digest } = accepted.version;
      await this.#commit(bytes === undefined ? undefined : { digest, bytes });
    } catch (error) {
      if (before === undefined) this.#records.delete(path);
      else this.#records.set(path, before);
      // What was deleted makes room for what is there.
      if (!this.#dropGone(() => true)) throw error;
      await this.#commit();
      await this.accept(path, accepted, bytes);
    } finally {
      if (isFirst) this.#written.delete(path);
    }
  }

  /** The module may soon be accepted; see `ModuleStore.foresee`. */
  foresee(added: AddedModule): AsyncDisposable {
    return this.#parts.store.foresee(added);
  }

  /** Remembers what content the file of a live module has now. */
  async see(path: ModulePath, seen: SeenContent): Promise<void> {
    const record = this.live(path);
    if (record === undefined) return;
    this.#records.set(path, noteSeen(record, seen, this.#pins.get(path)));
    await this.#commitOrLog();
  }

  /** The file is gone: its versions are kept, as many as a folder may have modules. */
  async remove(path: ModulePath, nowMs: number): Promise<void> {
    const record = this.live(path);
    if (record === undefined) return;
    this.#records.set(path, { ...record, goneAtMs: nowMs });
    const gone = [...this.#records].filter(([, { goneAtMs }]) => goneAtMs !== undefined);
    gone.sort(([, a], [, b]) => (b.goneAtMs ?? 0) - (a.goneAtMs ?? 0));
    const { goneKeptDays, modulesPerFolderMax } = this.#parts.config.limits;
    const excess = gone.slice(modulesPerFolderMax);
    for (const [each] of excess) this.#records.delete(each);
    this.#dropGone((goneAtMs) => nowMs - goneAtMs > goneKeptDays * dayMs);
    await this.#commitOrLog();
  }

  /** Forgets modules whose files are gone, by when they went; whether there were any. */
  #dropGone(mayGo: (goneAtMs: number) => boolean): boolean {
    const sizeBefore = this.#records.size;
    for (const [path, { goneAtMs }] of this.#records) {
      if (goneAtMs !== undefined && mayGo(goneAtMs)) this.#records.delete(path);
    }
    return this.#records.size < sizeBefore;
  }

  /** Keeps what the owner says with the versions: it holds also while the mount is away. */
  async keepRules({ manifest, settings, fastlyText }: RulesNow): Promise<void> {
    const before = [this.#manifestText, this.#settingsText, this.#fastlyText];
    if (manifest.kind !== 'unknown') this.#manifestText = manifest.text;
    if (settings.kind !== 'unknown') this.#settingsText = settings.text;
    this.#fastlyText = fastlyText;
    const after = [this.#manifestText, this.#settingsText, this.#fastlyText];
    const isSame = before.every((text, index) => text === after[index]);
    if (!isSame && this.#records.size > 0) await this.#commitOrLog();
  }

  /** The same at a glance, where the store does not say that there are no new ones. */
  takeNewPins(): Promise<boolean> {
    if (this.#isClosed) return noNewPins;
    this.#pinNews ??= new PinNews(this.#parts.shared, this.#located.key);
    return this.#pinNews.take() ? this.takePins() : noNewPins;
  }

  /** Nobody looks any more. */
  close(): void {
    this.#isClosed = true;
    this.#pinNews?.close();
  }

  /**
   * Reads the rollbacks, and tells what those that were made since the last time changed. Resolves
   * to whether there were any.
   */
  async takePins(): Promise<boolean> {
    return this.#takePins(await this.#readPins());
  }

  #takePins(pins: ReadonlyMap<ModulePath, Pin> | undefined): boolean {
    const { journal } = this.#parts;
    const stamp = [...(pins?.values() ?? [])].map(({ id }) => id).join();
    // Those known before still hold when they cannot be read.
    if (pins === undefined || stamp === this.#pinsStamp) return false;
    const isFirst = this.#pinsStamp === 'unread';
    const paths = [...this.#records.keys()];
    const before = paths.map((path) => this.serving(path)?.digest);
    this.#pins = pins;
    this.#pinsStamp = stamp;
    for (const [path, pin] of this.#pins) this.#spend(path, pin);
    for (const [index, modulePath] of paths.entries()) {
      const digest = this.serving(modulePath)?.digest;
      if (isFirst || digest === before[index]) continue;
      journal.tell('module-rolled-back', { folderKey: this.#located.key, modulePath, digest });
    }
    return true;
  }

  async #readPins(): Promise<ReadonlyMap<ModulePath, Pin> | undefined> {
    const { config, journal, shared } = this.#parts;
    const { key: folderKey } = this.#located;
    const { stateDirectory } = config;
    try {
      if (this.#pinsStamp === 'unread') {
        await takeOverPins(shared, { stateDirectory, folderKey }, journal);
      }
      const pins = await readPins(shared, folderKey, journal);
      this.#isPinTroubleTold = false;
      return pins;
    } catch (error) {
      this.#pinNews?.note();
      // Once, not at every look at every folder, for as long as it lasts.
      if (!this.#isPinTroubleTold) {
        journal.tell('rollbacks-not-read', { reason: describeError(error) });
      }
      this.#isPinTroubleTold = true;
      return undefined;
    }
  }

  /** The content may have changed after the rollback was made and before it was read here. */
  #spend(path: ModulePath, pin: Pin): void {
    const record = this.live(path);
    if (record !== undefined) this.#records.set(path, noteSeen(record, record.seen, pin));
  }

  async #commit(added?: AddedModule): Promise<void> {
    const { key: folderKey, directory } = this.#located;
    const fastly = this.#fastlyText;
    const rules = { manifest: this.#manifestText, settings: this.#settingsText, fastly };
    const record = { folderKey, directory, ...rules, modules: this.#records };
    await this.#parts.store.commit(record, added);
  }

  /** Where the record only remembers less if it cannot be written, and nothing depends on it. */
  async #commitOrLog(): Promise<void> {
    try {
      await this.#commit();
    } catch (error) {
      const reason = error instanceof TerrafirmaError ? error.message : describeError(error);
      this.#parts.journal.tell('folder-record-not-kept', { folderKey: this.#located.key, reason });
    }
  }
}
