/**
 * Edge: file events of one folder, from the kernel through chokidar. An event is a hint that the
 * folder is worth a look: its kind, order and name are not trusted, and none at all may come.
 * Directories are watched, not files: a folder with a hundred thousand files costs no more than its
 * directories.
 *
 * Mallory renames two names 160,000 times a second. Each event costs more here than there, so a
 * folder with too many is not listened to for a while: it is polled, as if it had no events.
 */
import path from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { Counts } from '../../account/counts.ts';
import { mayHold } from '../../account/threshold.ts';
import { isServedName, type OwnerKey } from '../../names.ts';
import { fastlyName } from '../../site/fastly/fastly-toml.ts';
import { manifestName } from '../../site/manifest.ts';
import { settingsName } from '../../site/settings.ts';

export interface WatchOptions {
  /** Shared by all folders of the process. */
  readonly places: WatchPlaces;
  readonly owner: OwnerKey;
  readonly onHint: () => void;
  /** Directories are watched from now on: what changed since they were listed had no event. */
  readonly onReady: () => void;
  /** Watching failed, e.g. too many watches on this machine; polling goes on without it. */
  readonly onError: (error: unknown) => void;
  readonly nowMs: () => number;
}

/** A folder with more directories is polled: each watch holds 50 KB, and memory of the kernel. */
const directoriesMax = 200;
/** Events in a row, in a window of this length, after which nobody listens for a while. */
const eventsMax = 200;
const eventWindowMs = 1_000;
const deafMs = 5_000;

/**
 * What there is of watches in the process, of which an owner has no more than are left for the
 * others: folders that find none are polled.
 */
export class WatchPlaces {
  readonly #max: number;
  readonly #taken = new Counts<OwnerKey>();

  constructor(watchesMax: number) {
    this.#max = watchesMax;
  }

  /** Whether there was one for the owner, which is taken now. */
  tryTake(owner: OwnerKey): boolean {
    const taken = this.#taken;
    const mayTake = mayHold({ max: this.#max, held: taken.total, own: taken.of(owner), added: 1 });
    if (mayTake) taken.add(owner, 1);
    return mayTake;
  }

  giveBack(owner: OwnerKey): void {
    this.#taken.add(owner, -1);
  }
}

export class FolderEvents {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  /** Those of them that hear already. */
  readonly #ready = new Set<FSWatcher>();
  #wantedCount = 0;
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

  /** Whether every change in the directories that were to be watched would be heard of. */
  get hearsAll(): boolean {
    return this.#wantedCount > 0 && this.#ready.size === this.#wantedCount;
  }

  /** Watches exactly these directories, or none where they are too many or too lively. */
  follow(directories: readonly string[]): void {
    const isDeaf = this.#options.nowMs() < this.#deafUntilMs;
    const wanted = new Set(isDeaf || directories.length > directoriesMax ? [] : directories);
    this.#wantedCount = wanted.size;
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
    const { places, owner, onReady } = this.#options;
    if (!places.tryTake(owner)) return;
    const watcher = watch(directory, {
      backend: 'native',
      persistent: false,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      depth: 0,
      // Nothing in it is looked at, listed or kept: its raw events say enough.
      ignored: (each: string) => each !== directory,
    });
    watcher.on('raw', (_, name) =>
      this.#hear(directory, name === null ? null : path.basename(name)),
    );
    watcher.on('ready', () => {
      if (this.#watchers.get(directory) !== watcher) return;
      this.#ready.add(watcher);
      onReady();
    });
    watcher.on('error', (error) => this.#fail(directory, error));
    this.#watchers.set(directory, watcher);
  }

  #fail(directory: string, error: unknown): void {
    // Gone since it was listed: the next look does not list it.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      this.#drop(directory);
      return;
    }
    if (this.#isClosed) return;
    this.close();
    this.#options.onError(error);
  }

  #drop(directory: string): void {
    const watcher = this.#watchers.get(directory);
    if (watcher === undefined) return;
    this.#watchers.delete(directory);
    this.#ready.delete(watcher);
    const { places, owner, onError } = this.#options;
    places.giveBack(owner);
    watcher.close().catch(onError);
  }

  #hear(directory: string, name: string | null): void {
    if (this.#isClosed) return;
    // Another directory may be there now, which the watch does not follow.
    if (name !== null) this.#drop(path.join(directory, name));
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
  const isOwners = name === manifestName || name === settingsName || name === fastlyName;
  return isOwners || isServedName(name);
}
