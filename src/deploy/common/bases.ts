/**
 * The newest entry of each module that this node's copy of a folder has shown: `bases/` of the
 * state directory. It belongs to that copy: at another place it is forgotten. One that is lost
 * costs a hint from the owner at worst. Edge: the disk.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderKey, ModulePath } from '../../names.ts';
import { fileErrorCode, writeDurably } from '../../outside/state/durable.ts';
import { objectOf, parseJson } from '../keep/record.ts';
import { hashName } from '../keep/store.ts';

const basesDirectory = 'bases';

export class Bases {
  readonly #path: string;
  readonly #bases = new Map<ModulePath, number>();
  #directory: string;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, directory: string) {
    this.#path = path;
    this.#directory = directory;
  }

  /** @param directory The real path of the copy. */
  static async open(
    stateDirectory: string,
    folderKey: FolderKey,
    directory: string,
  ): Promise<Bases> {
    const path = join(stateDirectory, basesDirectory, `${hashName(folderKey)}.json`);
    const opened = new Bases(path, directory);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return opened;
    const kept = objectOf(parseJson(text), 'the bases');
    if (kept.directory !== directory) return opened;
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
    if (base <= this.of(path)) return;
    this.#bases.set(path, base);
    await this.#write();
  }

  /** The copy is elsewhere: what was there is of no use here. */
  async moveTo(directory: string): Promise<void> {
    if (directory === this.#directory) return;
    this.#directory = directory;
    this.#bases.clear();
    await this.#write();
  }

  async #write(): Promise<void> {
    const kept = { directory: this.#directory, bases: Object.fromEntries(this.#bases) };
    const text = JSON.stringify(kept);
    this.#writing = this.#writing.then(() => writeDurably(this.#path, text));
    await this.#writing;
  }
}

/** Another record begins: what was shown of the one before says nothing of it. */
export async function forgetBases(stateDirectory: string): Promise<void> {
  await rm(join(stateDirectory, basesDirectory), { recursive: true, force: true });
}
