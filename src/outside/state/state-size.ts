/**
 * How much of the disk the state directory takes. Walked when somebody asks and the last figure is
 * old, one file after the other: nobody waits for a large one. Touches the file system, reading.
 */
import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** How long a figure is told before it is looked at again. */
const freshMs = 60_000;
/** Whoever asks waits so long for a new figure at most, and then gets the last. */
const askWaitMs = 250;
const entriesMaxDefault = 200_000;
/** The states of folders that are served by their path, each with a daemon of its own. */
const othersName = 'local';
const blockBytes = 512;

export interface StateSizeOptions {
  readonly directory: string;
  /** Of more it is not known. */
  readonly entriesMax?: number;
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: () => number;
}

export class StateSize {
  readonly #options: StateSizeOptions;
  #bytes: number | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #walk: Promise<void> | undefined;

  constructor(options: StateSizeOptions) {
    this.#options = options;
  }

  /** Undefined where nobody knows: at first, and of what cannot be read or has no end. */
  async bytes(): Promise<number | undefined> {
    if (this.#options.nowMs() - this.#readAtMs > freshMs) {
      this.#walk ??= this.#look().finally(() => {
        this.#walk = undefined;
      });
      await Promise.race([this.#walk, wait(askWaitMs, undefined, { ref: false })]);
    }
    return this.#bytes;
  }

  async #look(): Promise<void> {
    this.#bytes = await this.#sum();
    this.#readAtMs = this.#options.nowMs();
  }

  async #sum(): Promise<number | undefined> {
    const { directory, entriesMax = entriesMaxDefault } = this.#options;
    const left = [directory];
    let entries = 0;
    let bytes = 0;
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      for await (const entry of listed(next)) {
        entries += 1;
        if (entries > entriesMax) return undefined;
        if (!entry.isDirectory()) bytes += await diskBytes(join(next, entry.name));
        else if (next !== directory || entry.name !== othersName) left.push(join(next, entry.name));
      }
    }
    return bytes;
  }
}

/** What goes away meanwhile, or is another user's, counts nothing. */
async function* listed(directory: string): AsyncGenerator<Dirent> {
  try {
    for await (const entry of await opendir(directory)) yield entry;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

async function diskBytes(file: string): Promise<number> {
  try {
    const { blocks } = await lstat(file);
    return blocks * blockBytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return 0;
  }
}
