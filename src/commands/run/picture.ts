/**
 * The folder of a run as a serving thread sees a site: its modules are judged when somebody asks
 * for them. Touches the folder, through a mount's guard.
 */
import type { Limits } from '../../config/config.ts';
import { lookAtFile } from '../../deploy/look/scan.ts';
import { TerrafirmaError } from '../../errors.ts';
import { isServedName, type ModulePath, ownerOf } from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import { parseManifest } from '../../site/manifest.ts';
import type { Site, SiteModule } from '../../site/table.ts';
import type { Digest, LoadedModule } from '../../threads/messages.ts';
import type { JudgedModule, ModuleJudge } from '../inspect/judge.ts';
import { type RunFolder, runKey } from './folder.ts';

export interface RunPictureOptions {
  readonly folder: RunFolder;
  readonly judge: Pick<ModuleJudge, 'judge'>;
  readonly limits: Limits;
}

export class RunPicture {
  readonly #options: RunPictureOptions;
  readonly #fs: GuardedFs;
  readonly #loaded = new Map<Digest, LoadedModule>();
  readonly #modules = new Map<ModulePath, SiteModule>();
  #generation = 1;

  constructor(options: RunPictureOptions) {
    const { folder, limits } = options;
    this.#options = options;
    this.#fs = new MountGuards(limits).fsOf(folder.directory, ownerOf(runKey));
  }

  /** Whoever runs a module has the folder in her hands: who may read it is not asked. */
  get site(): Site {
    const { directory, settings } = this.#options.folder;
    return {
      ...{ folderKey: runKey, owner: ownerOf(runKey), directory, mountDirectory: directory },
      ...{ generation: this.#generation, settings, modules: new Map(this.#modules) },
      ...{ manifest: parseManifest(undefined, 0), failure: undefined, isIncomplete: true },
    };
  }

  add(modulePath: ModulePath, judged: JudgedModule): void {
    this.#generation += 1;
    if (judged.kind === 'refused') {
      this.#modules.set(modulePath, judged);
      return;
    }
    const { digest, abi } = judged.loaded;
    this.#loaded.set(digest, judged.loaded);
    this.#modules.set(modulePath, { kind: 'serving', digest, abi });
  }

  /** The site, once that module has a verdict or is known to be absent. */
  async verdict(modulePath: ModulePath): Promise<Site> {
    if (!this.#modules.has(modulePath)) {
      const judged = await this.#judge(modulePath);
      if (judged !== undefined) this.add(modulePath, judged);
    }
    return this.site;
  }

  moduleOf(digest: Digest): LoadedModule {
    const loaded = this.#loaded.get(digest);
    if (loaded === undefined) throw new TerrafirmaError('internal', 'Cannot find the module');
    return loaded;
  }

  /** Undefined where there is none that a site would have. */
  async #judge(modulePath: ModulePath): Promise<JudgedModule | undefined> {
    if (!modulePath.split('/').every(isServedName)) return undefined;
    const { folder, judge, limits } = this.#options;
    try {
      const place = { fs: this.#fs, directory: folder.directory };
      const found = await lookAtFile(place, modulePath);
      if (typeof found === 'string') return undefined;
      const { bytes } = await this.#fs.readFile(found.realPath, limits.moduleBytesMax);
      return await judge.judge(bytes);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      if (!(error instanceof FileTooLargeError)) throw error;
      const detail = `Cannot accept the module: ${error.message}`;
      return { kind: 'refused', error: { code: 'module-refused', detail } };
    }
  }
}
