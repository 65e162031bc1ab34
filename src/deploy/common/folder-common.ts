/** What a folder in use has in common with its copies on other nodes: opened, asked, closed. */
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { ModulePath } from '../../names.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { JudgeParts } from '../build/judge.ts';
import type { KeptModules, KeptModulesParts } from '../keep/kept-modules.ts';
import { Bases } from './bases.ts';
import { CommonModules } from './common-modules.ts';
import { CommonVersions } from './common-versions.ts';

export interface FolderCommonParts extends KeptModulesParts {
  readonly judging: Pick<JudgeParts, 'builder' | 'modules' | 'nowMs'>;
  readonly kept: KeptModules;
  readonly journal: Journal;
  /** The name of this node; undefined: it has the only copy. */
  readonly node: string | undefined;
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

  constructor(located: LocatedFolder, parts: FolderCommonParts & { readonly node: string }) {
    this.#located = located;
    this.#parts = parts;
  }

  /** Begins to follow; does not wait for the engine. */
  async open(): Promise<void> {
    const { config, journal, judging, kept, node, onChange, shared, store } = this.#parts;
    const { directory, key: folderKey } = this.#located;
    this.#bases = await Bases.open(config.stateDirectory, folderKey, directory);
    const tellTrouble = (error: unknown): void => {
      const reason = error instanceof StoreError ? error.message : describeError(error);
      journal.tell('rollbacks-not-read', { reason });
    };
    const versions = new CommonVersions({
      ...{ shared, folderKey, node, onChange, bases: this.#bases, nowMs: judging.nowMs },
      versionsKeptMax: config.limits.versionsKeptMax,
      onTrouble: tellTrouble,
    });
    this.#versions = versions;
    versions.open().then(onChange, tellTrouble);
    this.#modules = new CommonModules({ folderKey, versions, kept, store, judging, journal });
  }

  /** @throws TerrafirmaError `draining` before `open` */
  get modules(): CommonModules {
    if (this.#modules === undefined) throw new TerrafirmaError('draining');
    return this.#modules;
  }

  /** See `CommonModules.isUnknown`. */
  isUnknown(path: ModulePath): boolean {
    return this.#modules?.isUnknown(path) === true;
  }

  /** See `CommonModules.takeHeads`. */
  async takeHeads(): Promise<readonly ModulePath[]> {
    return (await this.#modules?.takeHeads()) ?? [];
  }

  /** The copy is elsewhere from now on. */
  async moveTo(directory: string): Promise<void> {
    await this.#bases?.moveTo(directory);
  }

  close(): void {
    this.#versions?.close();
  }
}
