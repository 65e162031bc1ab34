/** The files of the site that one run has open: none outlives it. */
import type { SiteFile } from '../../../capability/files/contract.ts';
import { WasiError } from './errno.ts';
import type { FileKeeper } from './site-tree.ts';

export class OpenFiles implements FileKeeper {
  /** Made for the first: most runs open none. */
  #files: Set<SiteFile> | undefined;
  readonly #filesMax: number;
  #isReleased = false;

  constructor(filesMax: number) {
    this.#filesMax = filesMax;
  }

  /** @throws WasiError `mfile` past the limit, `badf` after the end of the run */
  keep(file: SiteFile): void {
    this.#files ??= new Set();
    const isFull = this.#files.size >= this.#filesMax;
    if (this.#isReleased || isFull) {
      file.close();
      throw new WasiError(this.#isReleased ? 'badf' : 'mfile');
    }
    this.#files.add(file);
  }

  letGo(file: SiteFile): void {
    if (this.#files?.delete(file) === true) file.close();
  }

  /** The run is over. Never throws. */
  release(): void {
    this.#isReleased = true;
    if (this.#files !== undefined) for (const file of [...this.#files]) this.letGo(file);
  }
}
