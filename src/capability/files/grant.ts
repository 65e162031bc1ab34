/** The files of the site, narrowed to what a module is granted of them. */
import { grantsFor, type SiteSettings } from '../../site/settings.ts';
import type { SiteEntry, SiteFile, SiteFileFacts, SiteFiles } from './contract.ts';

/** Paths in segments; undefined: the whole folder. */
export type FilesGrant = readonly (readonly string[])[] | undefined;

export function workOutFilesGrant(settings: SiteSettings, modulePath: string): FilesGrant {
  return grantsFor(settings, modulePath).files?.map((path) =>
    path.split('/').filter((segment) => segment !== ''),
  );
}

/**
 * What is not granted does not exist; a directory on the way to something granted is there, and
 * shows nothing else. A link among what is granted leads where the owner made it lead.
 */
export class GrantedFiles implements SiteFiles {
  readonly #files: SiteFiles;
  readonly #granted: NonNullable<FilesGrant>;

  constructor(files: SiteFiles, granted: NonNullable<FilesGrant>) {
    this.#files = files;
    this.#granted = granted;
  }

  async stat(segments: readonly string[]): Promise<SiteFileFacts | undefined> {
    return this.#isShown(segments) ? this.#files.stat(segments) : undefined;
  }

  async list(
    segments: readonly string[],
    entriesMax: number,
  ): Promise<readonly SiteEntry[] | undefined> {
    if (!this.#isShown(segments)) return undefined;
    const entries = await this.#files.list(segments, entriesMax);
    return entries?.filter(({ name }) => this.#isShown([...segments, name]));
  }

  async open(segments: readonly string[]): Promise<SiteFile | undefined> {
    return this.#isGranted(segments) ? this.#files.open(segments) : undefined;
  }

  #isGranted(segments: readonly string[]): boolean {
    return this.#granted.some((path) => begins(segments, path));
  }

  /** The folder itself is always there: a program opens it before anything else. */
  #isShown(segments: readonly string[]): boolean {
    if (segments.length === 0) return true;
    return this.#granted.some((path) => begins(segments, path) || begins(path, segments));
  }
}

function begins(path: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((segment, index) => path[index] === segment);
}
