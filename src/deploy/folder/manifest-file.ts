/** The `.kbp_config` of one folder: it says who may read. */
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { type Manifest, manifestName, parseManifest } from '../../site/manifest.ts';
import type { FolderTiming } from '../look/timing.ts';
import { OwnerFile, type ShownText } from './owner-file.ts';

export type ManifestState =
  | { readonly kind: 'unknown' }
  /** `text` is undefined when the folder has no such file. */
  | { readonly kind: 'good'; readonly manifest: Manifest; readonly text: string | undefined }
  /** `text` is broken too, so that it stays so over a restart. */
  | { readonly kind: 'broken'; readonly error: TerrafirmaError; readonly text: string };

export interface ManifestOptions {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly limits: Pick<Limits, 'manifestBytesMax'>;
}

export class ManifestFile {
  readonly #file: OwnerFile<Manifest>;

  constructor({ fs, directory, limits }: ManifestOptions) {
    const bytesMax = limits.manifestBytesMax;
    this.#file = new OwnerFile({
      fs,
      directory,
      name: manifestName,
      bytesMax,
      parse: (bytes) => parseManifest(bytes, bytesMax),
      refuse: (rule) => {
        const detail = `Cannot serve the folder: ${manifestName}: ${rule}`;
        return new TerrafirmaError('bad-manifest', detail);
      },
    });
  }

  get state(): ManifestState {
    const { state } = this.#file;
    if (state.kind !== 'good') return state;
    return { kind: 'good', manifest: state.value, text: state.text };
  }

  /** See `OwnerFile.shown`. */
  get shown(): ShownText | undefined {
    return this.#file.shown;
  }

  /** See `OwnerFile.follow`. */
  follow(text: string | undefined): void {
    this.#file.follow(text);
  }

  /** See `OwnerFile.followOwn`. */
  followOwn(): void {
    this.#file.followOwn();
  }

  /** Takes what was valid before a restart, until the file has been looked at. */
  restore(text: string | undefined): void {
    this.#file.restore(text);
  }

  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0 when all is known.
   *
   * @throws only when the mount is unreachable
   */
  look(timing: FolderTiming, nowMs: number): Promise<number> {
    return this.#file.look(timing, nowMs);
  }
}
