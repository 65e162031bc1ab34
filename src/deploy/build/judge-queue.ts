/**
 * The files of one folder that are to be judged, one at a time: first what a request waits for,
 * then what answers for whole directories, then the smallest, so that one large module does not
 * keep fifty small ones from answering.
 */
import { Counts } from '../../account/counts.ts';
import type { ModulePath } from '../../names.ts';
import { isIndex } from '../../site/table.ts';
import type { ListedFile } from '../look/scan.ts';
import { Progress, type Wanted } from './progress.ts';

export interface JudgeQueueOptions {
  /** Judges a file to its end; what it says of the file it tells by itself. */
  readonly judge: (file: ListedFile, progress: Progress) => Promise<void>;
  /** A judgement that failed for a reason that is not the file's. */
  readonly onTrouble: (file: ListedFile, error: unknown) => void;
  /** All that was put has been judged. */
  readonly onIdle: () => void;
}

export class JudgeQueue {
  readonly #options: JudgeQueueOptions;
  readonly #due = new Map<ModulePath, ListedFile>();
  /** How many requests wait for each. */
  readonly #wanted = new Counts<ModulePath>();
  #current: (Pick<ListedFile, 'path' | 'stamp'> & { readonly progress: Progress }) | undefined;
  #judging: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: JudgeQueueOptions) {
    this.#options = options;
  }

  /** Whether something is judged or waits for it. */
  get isBusy(): boolean {
    return this.#judging !== undefined;
  }

  /** Takes the place of what was put for the same path and is not being judged yet. */
  put(file: ListedFile): void {
    const isUnderWay = this.#current?.path === file.path && this.#current.stamp === file.stamp;
    if (this.#isClosed || isUnderWay) return;
    this.#due.set(file.path, file);
    this.#judging ??= this.#judgeAll();
  }

  drop(path: ModulePath): void {
    this.#due.delete(path);
  }

  /** A request waits for the path: it comes before all that none wants. */
  want(path: ModulePath): Wanted {
    this.#wanted.add(path, 1);
    return {
      progress: () => this.#progressOf(path),
      [Symbol.dispose]: () => this.#wanted.add(path, -1),
    };
  }

  #progressOf(path: ModulePath): string | undefined {
    if (this.#current?.path === path) return `${this.#current.progress}`;
    return this.#due.has(path) ? 'the module waits for another of its folder' : undefined;
  }

  /** Resolves when nothing is to be judged any more. */
  async idle(): Promise<void> {
    await this.#judging;
  }

  /** Judges nothing more; resolves when the judgement under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#due.clear();
    await this.#judging;
  }

  async #judgeAll(): Promise<void> {
    // Those that are put in the same turn are all there before the first is chosen.
    await Promise.resolve();
    for (let file = this.#takeNext(); file !== undefined; file = this.#takeNext()) {
      const { path, stamp, sizeBytes } = file;
      const progress = new Progress(sizeBytes);
      this.#current = { path, stamp, progress };
      try {
        await this.#options.judge(file, progress);
      } catch (error) {
        this.#options.onTrouble(file, error);
      }
    }
    this.#current = undefined;
    this.#judging = undefined;
    this.#options.onIdle();
  }

  #takeNext(): ListedFile | undefined {
    let next: ListedFile | undefined;
    for (const file of this.#due.values()) {
      if (next === undefined || this.#isBefore(file, next)) next = file;
    }
    if (next !== undefined) this.#due.delete(next.path);
    return next;
  }

  #isBefore(file: ListedFile, other: ListedFile): boolean {
    const isWanted = this.#wanted.of(file.path) > 0;
    if (isWanted !== this.#wanted.of(other.path) > 0) return isWanted;
    if (isIndex(file.path) !== isIndex(other.path)) return isIndex(file.path);
    return file.sizeBytes < other.sizeBytes;
  }
}
