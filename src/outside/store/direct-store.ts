/**
 * The shared store in the thread that asks: for commands of the operator, beside a daemon or
 * without one. Edge: SQLite. Each write waits for the disk, and is no part of a larger commit.
 */
import type {
  Blobs,
  Change,
  ChangeResult,
  CommitResult,
  Entry,
  ListedKey,
  ListOptions,
  Notice,
  SharedStore,
  Space,
  Watch,
  Write,
  WriteOptions,
} from './contract.ts';
import { StoreError } from './contract.ts';
import type { WriteAnswer } from './messages.ts';
import { changeResult, commitResult, requestOf } from './requests.ts';
import { SqliteFile, type SqliteFileOptions } from './sqlite-file.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { unavailable, unreadable } from './waiting-writes.ts';
import { Watchers } from './watchers.ts';
import { requireChange, requireCommit } from './write-rules.ts';

export interface DirectStoreOptions extends SqliteFileOptions {
  readonly blobs: Blobs;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** How often it is looked whether another process wrote, while somebody watches. */
const lookMs = 200;

type Listener = (notice: Notice) => void;

export class DirectStore implements SharedStore {
  readonly blobs: Blobs;
  readonly #nowMs: () => number;
  readonly #file: SqliteFile;
  readonly #reader: SqliteReader;
  readonly #watchers = new Watchers<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: DirectStoreOptions, file: SqliteFile) {
    this.blobs = options.blobs;
    this.#nowMs = options.nowMs;
    this.#file = file;
    this.#reader = new SqliteReader(file.database);
  }

  /** @throws StoreError `refused` when the file cannot be used */
  static open(options: DirectStoreOptions): DirectStore {
    try {
      return new DirectStore(options, new SqliteFile(options));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const rule = 'its file must be usable';
      const message = `Cannot use the shared store: ${rule}: received ${reason}`;
      throw new StoreError('refused', message, { cause });
    }
  }

  get state(): SharedStore['state'] {
    return this.#isClosed ? 'refused' : 'ready';
  }

  /** Never called: the state stays `ready` until the caller closes the store. */
  onState(_listener: () => void): void {
    // Nothing to tell.
  }

  async read(space: Space, keys: readonly Uint8Array[]): Promise<readonly (Entry | undefined)[]> {
    this.#requireOpen();
    try {
      return keys.map((key) => this.#reader.read(space, key, this.#nowMs));
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  async commit(
    space: Space,
    writes: readonly Write[],
    options: WriteOptions,
  ): Promise<CommitResult> {
    requireCommit(writes);
    return commitResult(this.#apply(space, writes, options), writes);
  }

  async change(space: Space, change: Change, options: WriteOptions): Promise<ChangeResult> {
    requireChange(change);
    return changeResult(this.#apply(space, [change], options));
  }

  async list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    this.#requireOpen();
    try {
      return this.#reader.list(space, options, this.#nowMs());
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  watch(space: Space, listener: Listener): Watch {
    this.#requireOpen();
    // A listener of its own for each watch: the same function may watch twice.
    const target: Listener = (notice) => listener(notice);
    this.#watchers.add(space, target);
    this.#othersWrote();
    this.#timer ??= setInterval(() => this.#look(), lookMs).unref();
    return { ready: Promise.resolve(), close: () => this.#watchers.remove(space, target) };
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#file.close();
    return Promise.resolve();
  }

  #apply(
    space: Space,
    writes: readonly (Write | Change)[],
    { deadlineMs, signal }: WriteOptions,
  ): WriteAnswer {
    this.#requireOpen();
    if (deadlineMs <= 0 || signal?.aborted === true) {
      throw unavailable('there is no time left for an answer');
    }
    const request = requestOf(0, space, { writes, nowMs: this.#nowMs(), waitMs: deadlineMs });
    const [answer] = this.#file.apply([request]);
    if (answer === undefined) throw new Error('Cannot answer a write: an answer is missing');
    this.#watchers.tell(request, answer, (target, notices) => {
      queueMicrotask(() => {
        for (const notice of notices) target(notice);
      });
    });
    return answer;
  }

  #look(): void {
    if (this.#watchers.isEmpty || !this.#othersWrote()) return;
    for (const target of this.#watchers.all()) target('reset');
  }

  /** A file that cannot be read now, say while it is locked, is looked at again. */
  #othersWrote(): boolean {
    try {
      return this.#file.takeOthersWrote();
    } catch {
      return false;
    }
  }

  #requireOpen(): void {
    if (this.#isClosed) throw unavailable('it was closed');
  }
}
