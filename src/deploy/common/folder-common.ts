/** What a folder in use has in common with its copies on other nodes: opened, asked, closed. */
import { describeError, type ErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { TellOnce } from '../../journal/log-once.ts';
import type { ModulePath } from '../../names.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { StoreError } from '../../outside/store/contract.ts';
import { fastlyName } from '../../site/fastly/fastly-toml.ts';
import { manifestName } from '../../site/manifest.ts';
import { settingsName } from '../../site/settings.ts';
import type { JudgeParts } from '../build/judge.ts';
import type { KeptModules, KeptModulesParts } from '../keep/kept-modules.ts';
import { Bases } from './bases.ts';
import { CommonFastly } from './common-fastly.ts';
import { CommonModules, heldNote } from './common-modules.ts';
import { fastlyKey, ruleKeys } from './common-record.ts';
import { CommonRules } from './common-rules.ts';
import { CommonVersions } from './common-versions.ts';
import { FolderTexts, type SiteStores, type SiteTexts } from './folder-texts.ts';

const ruleFiles = { manifest: manifestName, settings: settingsName } as const;
const ruleNames = ['manifest', 'settings'] as const;
const keysByFile: ReadonlyMap<string, string> = new Map([
  ...ruleNames.map((name) => [ruleFiles[name], ruleKeys[name]] as const),
  [fastlyName, fastlyKey],
]);
/** Told once, whichever of them it was about. */
const storeTrouble = Object.values(ruleFiles).join(', ');

export interface FolderCommonParts extends KeptModulesParts {
  readonly judging: Pick<JudgeParts, 'builder' | 'modules' | 'moduleBytesMax' | 'nowMs'>;
  readonly kept: KeptModules;
  readonly fs: Pick<GuardedFs, 'stat'>;
  readonly journal: Journal;
  /** The name of this node; undefined: it has the only copy. */
  readonly node: string | undefined;
  /** See `CommonVersionsOptions`. */
  readonly isClockTrusted: () => boolean;
  /** Undefined: operators set nothing for all nodes. */
  readonly siteStores: SiteStores | undefined;
  /** Others accepted or rolled back something. */
  readonly onChange: () => void;
}

/** Undefined where this node has the only copy. */
export function commonOf(
  located: LocatedFolder,
  parts: FolderCommonParts,
): FolderCommon | undefined {
  const { node } = parts;
  return node === undefined ? undefined : new FolderCommon(located, { ...parts, node });
}

export class FolderCommon {
  readonly #parts: FolderCommonParts & { readonly node: string };
  readonly #located: LocatedFolder;
  #bases: Bases | undefined;
  #versions: CommonVersions | undefined;
  #modules: CommonModules | undefined;
  #rules: CommonRules | undefined;
  #fastly: CommonFastly | undefined;
  #texts: FolderTexts | undefined;
  #known: Promise<boolean> | undefined;

  constructor(located: LocatedFolder, parts: FolderCommonParts & { readonly node: string }) {
    this.#located = located;
    this.#parts = parts;
  }

  /** Begins to follow; does not wait for the engine. */
  async open(): Promise<void> {
    const { config, isClockTrusted, journal, judging, kept, node, onChange, shared } = this.#parts;
    const { siteStores: stores, store } = this.#parts;
    const { key: folderKey } = this.#located;
    this.#bases = await Bases.open(config.stateDirectory, folderKey);
    const tellTrouble = (error: unknown): void => {
      const reason = error instanceof StoreError ? error.message : describeError(error);
      journal.tell('rollbacks-not-read', { reason });
    };
    const versions = new CommonVersions({
      ...{ shared, folderKey, node, onChange, bases: this.#bases, nowMs: judging.nowMs },
      isClockTrusted,
      versionsKeptMax: config.limits.versionsKeptMax,
      onTrouble: tellTrouble,
    });
    this.#versions = versions;
    versions.open().then(onChange, tellTrouble);
    this.#modules = new CommonModules({ folderKey, versions, kept, store, judging, journal });
    const onTrouble = tellTrouble;
    this.#texts = stores && new FolderTexts({ stores, folderKey, onChange, onTrouble });
    const once = new TellOnce(folderKey, journal);
    this.#rules = new CommonRules({
      versions,
      onTrouble: ({ message }) => once.tell(storeTrouble, message),
      onHeld: (name) => once.tell(ruleFiles[name], heldNote),
    });
    const fastly = {
      ...{ versions, folderKey },
      onTrouble: (reason: string) => once.tell(fastlyName, reason),
      onHeld: () => once.tell(fastlyName, heldNote),
    };
    const seal = stores?.seal;
    this.#fastly = seal && new CommonFastly({ ...fastly, seal });
  }

  /** @throws TerrafirmaError `draining` before `open` */
  get modules(): CommonModules {
    if (this.#modules === undefined) throw new TerrafirmaError('draining');
    return this.#modules;
  }

  /** Undefined before `open`. */
  get rules(): CommonRules | undefined {
    return this.#rules;
  }

  /** Undefined before `open`, and where nodes have no key to seal it with. */
  get fastly(): CommonFastly | undefined {
    return this.#fastly;
  }

  /** Secrets and configuration that were set on all nodes. */
  get texts(): SiteTexts | undefined {
    return this.#texts?.current;
  }

  /** See `CommonVersions.trustCopy`; of a module, or of a file in which the owner says rules. */
  async trustCopy(path: string): Promise<void> {
    await this.#versions?.trustCopy((keysByFile.get(path) ?? path) as ModulePath);
  }

  /** See `CommonModules.isUnknown`. */
  isUnknown(path: ModulePath): boolean {
    return this.#modules?.isUnknown(path) === true;
  }

  /** See `CommonModules.judge`: what was judged is kept here. */
  kept(path: ModulePath): void {
    this.#modules?.kept(path);
  }

  /** See `CommonModules.refusalOf`. */
  refusalOf(path: ModulePath): ErrorRecord | undefined {
    return this.#modules?.refusalOf(path);
  }

  /** See `CommonModules.isAccepted`; waits a moment, once, until it is known what others have. */
  async isAccepted(path: ModulePath): Promise<boolean> {
    this.#known ??= this.#versions?.isKnown();
    await this.#known;
    return this.#modules?.isAccepted(path) === true;
  }

  /** See `CommonModules`. */
  get isTakenUp(): boolean {
    return this.#modules?.isTakenUp === true;
  }

  /** See `CommonModules.takeHeads`. */
  async takeHeads(onTaken: (path: ModulePath) => void): Promise<void> {
    await this.#modules?.takeHeads(onTaken);
  }

  /** To be told before each look at the copy where it is. */
  async lookAt(directory: string): Promise<void> {
    // While it is away nobody knows its device: what it has shown is kept until it is back.
    const found = await this.#parts.fs.stat(directory).catch(() => undefined);
    await this.#bases?.moveTo({ directory, device: found?.dev });
  }

  close(): void {
    this.#texts?.close();
    this.#versions?.close();
  }
}
