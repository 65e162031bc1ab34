/** The files of the site that one run has open: none outlives it. */
import type { SiteFile } from '../../../capability/files/contract.ts';
import { WasiError } from './errno.ts';
import type { FileKeeper } from './site-tree.ts';

export class OpenFiles implements FileKeeper {
  readonly #files = new Set<SiteFile>();
  readonly #filesMax: number;
  #isReleased = false;

  constructor(filesMax: number) {
    this.#filesMax = filesMax;
  }

  /** @throws WasiError `mfile` past the limit, `badf` after the end of the run */
  keep(file: SiteFile): void {
    const isFull = this.#files.size >= this.#filesMax;
    if (this.#isReleased || isFull) {
      file.close();
      throw new WasiError(this.#isReleased ? 'badf' : 'mfile');
    }
    this.#files.add(file);
  }

  letGo(file: SiteFile): void {
    if (this.#files.delete(file)) file.close();
  }

  /** The run is over. Never throws. */
  release(): void {
    this.#isReleased = true;
    for (const file of [...this.#files]) this.letGo(file);
  }
}
