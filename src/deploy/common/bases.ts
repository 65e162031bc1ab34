/**
 * The newest entry of each module that this node's copy of a folder has shown: `bases/` of the
 * state directory. It belongs to that copy: at another place, or on another device, it is
 * forgotten, because an older copy that is mounted there has not shown it. One that is lost costs a
 * hint from the owner at worst. Edge: the disk.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderKey, ModulePath } from '../../names.ts';
import { fileErrorCode, writeDurably } from '../../outside/state/durable.ts';
import { objectOf, parseJson } from '../keep/record.ts';
import { hashName } from '../keep/record-files.ts';

const basesDirectory = 'bases';

/** Where a copy lies. */
export interface CopyPlace {
  /** Its real path. */
  readonly directory: string;
  /** What it lies on; undefined: it cannot be said now. */
  readonly device: bigint | undefined;
}

export class Bases {
  readonly #path: string;
  readonly #bases = new Map<ModulePath, number>();
  #directory = '';
  #device = '';
  #writing: Promise<void> = Promise.resolve();
  /** What changed last could not be written down: the next look tries it again. */
  #isUnwritten = false;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Those that are kept; they hold once `moveTo` has said that the copy is still there. */
  static async open(stateDirectory: string, folderKey: FolderKey): Promise<Bases> {
    const path = join(stateDirectory, basesDirectory, `${hashName(folderKey)}.json`);
    const opened = new Bases(path);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return opened;
    const kept = objectOf(parseJson(text), 'the bases');
    opened.#directory = String(kept.directory);
    // Earlier releases did not write it down.
    opened.#device = String(kept.device ?? '');
    for (const [modulePath, base] of Object.entries(objectOf(kept.bases, 'the bases'))) {
      opened.#bases.set(modulePath as ModulePath, Number(base));
    }
    return opened;
  }

  of(path: ModulePath): number {
    return this.#bases.get(path) ?? 0;
  }

  /** Durable when it resolves. */
  async raise(path: ModulePath, base: number): Promise<void> {
    if (base > this.of(path)) this.#bases.set(path, base);
    else if (!this.#isUnwritten) return;
    await this.#write();
  }

  /** Where the copy is now: what another one has shown is of no use. */
  async moveTo({ device, directory }: CopyPlace): Promise<void> {
    const isSame = directory === this.#directory;
    const deviceNow = device === undefined ? this.#device : String(device);
    const isHere = isSame && deviceNow === this.#device;
    if (isHere && !this.#isUnwritten) return;
    if (!isHere && (!isSame || this.#device !== '')) this.#bases.clear();
    this.#directory = directory;
    this.#device = deviceNow;
    await this.#write();
  }

  async #write(): Promise<void> {
    const place = { directory: this.#directory, device: this.#device };
    const kept = { ...place, bases: Object.fromEntries(this.#bases) };
    const text = JSON.stringify(kept);
    const write = async (): Promise<void> => {
      this.#isUnwritten = true;
      await writeDurably(this.#path, text);
      this.#isUnwritten = false;
    };
    // One that failed must not be why all later ones fail.
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}

/** Another record begins: what was shown of the one before says nothing of it. */
export async function forgetBases(stateDirectory: string): Promise<void> {
  await rm(join(stateDirectory, basesDirectory), { recursive: true, force: true });
}
