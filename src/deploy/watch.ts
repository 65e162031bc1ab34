/**
 * Edge: file events of one folder, from the kernel. An event is a hint that the folder is worth a
 * look: its kind, order and name are not trusted, and none at all may come. Directories are
 * watched, not files: a folder with a hundred thousand files costs no more than its directories.
 *
 * Mallory renames two names 160,000 times a second. Each event costs more here than there, so a
 * folder with too many is not listened to for a while: it is polled, as if it had no events.
 */
import { type FSWatcher, watch } from 'node:fs';
import { isServedName } from '../names.ts';
import { MANIFEST_NAME } from '../site/manifest.ts';
import { SETTINGS_NAME } from '../site/settings.ts';

export interface WatchOptions {
  readonly onHint: () => void;
  /** Watching failed, e.g. too many watches on this machine; polling goes on without it. */
  readonly onError: (error: unknown) => void;
  readonly nowMs: () => number;
}

/** A folder with more directories is polled: each watch holds memory of the kernel. */
const directoriesMax = 1_000;
/** Events in a row, in a window of this length, after which nobody listens for a while. */
const eventsMax = 200;
const eventWindowMs = 1_000;
const deafMs = 5_000;

export class FolderEvents {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #eventCount = 0;
  #windowEndsAtMs = 0;
  #deafUntilMs = 0;
  #isClosed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Directories that are watched now. */
  get watchCount(): number {
    return this.#watchers.size;
  }

  /** Watches exactly these directories, or none where they are too many or too lively. */
  follow(directories: readonly string[]): void {
    const isDeaf = this.#options.nowMs() < this.#deafUntilMs;
    const wanted = new Set(isDeaf || directories.length > directoriesMax ? [] : directories);
    for (const directory of [...this.#watchers.keys()]) {
      if (!wanted.has(directory)) this.#drop(directory);
    }
    for (const directory of wanted) {
      if (this.#isClosed) return;
      if (!this.#watchers.has(directory)) this.#watch(directory);
    }
  }

  /** No hint comes after this. */
  close(): void {
    this.#isClosed = true;
    for (const directory of [...this.#watchers.keys()]) this.#drop(directory);
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => this.#hear(name));
      watcher.on('error', () => this.#drop(directory));
      this.#watchers.set(directory, watcher);
    } catch (error) {
      // Gone since it was listed: the next look does not list it.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      this.close();
      this.#options.onError(error);
    }
  }

  #drop(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  #hear(name: string | null): void {
    if (this.#isClosed) return;
    const nowMs = this.#options.nowMs();
    if (nowMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = nowMs + eventWindowMs;
      this.#eventCount = 0;
    }
    this.#eventCount += 1;
    if (this.#eventCount > eventsMax) {
      this.#deafUntilMs = nowMs + deafMs;
      this.follow([]);
    }
    if (name === null || isWatched(name)) this.#options.onHint();
  }
}

/** Names that are never served say nothing; static files are read as they are at each request. */
function isWatched(name: string): boolean {
  return name === MANIFEST_NAME || name === SETTINGS_NAME || isServedName(name);
}
