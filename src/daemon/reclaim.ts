/**
 * Takes back what folders and modules that are long gone have left: kept versions and key-value
 * data. Edge: the file system, by the locator, and timers.
 */
import { setImmediate } from 'node:timers/promises';
import type { FolderPresence } from '../deploy/keep/reclaim.ts';
import type { FolderRecord } from '../deploy/keep/record.ts';
import type { Publisher } from '../deploy/publish.ts';
import { describeError, TerrafirmaError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { type FolderKey, parseFolderPath } from '../names.ts';
import type { Locator } from '../outside/mount/locate.ts';
import type { SpaceChange } from '../outside/store/messages.ts';
import { type GuestSpace, parseGuestSpace } from '../outside/store/spaces.ts';
import type { StoreKeeper } from '../outside/store/store-keeper.ts';
import { readGuestSpaces, type StoredSpace } from '../outside/store/stored-spaces.ts';

export interface ReclaimerOptions {
  readonly publisher: Pick<Publisher, 'reclaim'>;
  readonly store: Pick<StoreKeeper, 'reclaim'>;
  /** Undefined: the stores of guests are not this machine's. */
  readonly databasePath: string | undefined;
  readonly locator: Pick<Locator, 'locate' | 'mountOf'>;
  /** One folder is served by its path, and nothing is known of others. */
  readonly isFolderMode: boolean;
  readonly goneKeptDays: number;
  readonly journal: Journal;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

const firstLookMs = 10 * 60_000;
const lookMs = 3_600_000;
const dayMs = 86_400_000;

export class Reclaimer {
  readonly #options: ReclaimerOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: ReclaimerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(firstLookMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** One look at everything that is kept. Never rejects. */
  async look(): Promise<void> {
    try {
      const keptMs = this.#options.goneKeptDays * dayMs;
      const { publisher } = this.#options;
      const records = await publisher.reclaim(keptMs, (record) => this.#presenceOf(record));
      await this.#lookAtStores(records, keptMs);
    } catch (error) {
      if (this.#isStopped) return;
      const fields = { errorDetail: describeError(error) };
      this.#options.journal.tell('reclaim-failed', fields);
    }
  }

  async #lookAtStores(records: readonly FolderRecord[], keptMs: number): Promise<void> {
    const { databasePath, store, journal, nowMs } = this.#options;
    if (databasePath === undefined) return;
    const byKey = new Map<FolderKey, FolderRecord>(records.map((one) => [one.folderKey, one]));
    for (const spaces of readGuestSpaces(databasePath)) {
      if (this.#isStopped) return;
      const changes = spaces.flatMap((space) => {
        const owned = parseGuestSpace(space.name);
        const isThere = isNeeded(byKey.get(owned.folderKey), owned);
        return changeOf(space, { isThere, nowMs: nowMs(), keptMs });
      });
      for (const { change, name } of changes) {
        if (change !== 'forgotten') continue;
        const { folderKey, modulePath } = parseGuestSpace(name);
        const ofModule = modulePath === undefined ? {} : { modulePath };
        journal.tell('key-value-forgotten', { folderKey, ...ofModule });
      }
      if (changes.length > 0) store.reclaim(changes);
      await setImmediate();
    }
  }

  /** @throws TerrafirmaError `draining` after `stop`, which waits for the look to end */
  async #presenceOf({ folderKey }: FolderRecord): Promise<FolderPresence> {
    if (this.#isStopped) throw new TerrafirmaError('draining');
    // Other folders that used this state directory: nobody says where they would be.
    if (this.#options.isFolderMode) return 'unknown';
    try {
      const path = parseFolderPath(folderKey);
      // The operator took the mount away, perhaps for a while.
      if (this.#options.locator.mountOf(path) === undefined) return 'unknown';
      await this.#options.locator.locate(path);
      return 'there';
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      return error.code === 'folder-not-found' ? 'gone' : 'unknown';
    }
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.look().then(() => this.#schedule(lookMs));
    }, delayMs);
    this.#timer.unref();
  }
}

/** Whether a file of the module is there, or for a shared store the folder, as was seen last. */
function isNeeded(record: FolderRecord | undefined, { modulePath }: GuestSpace): boolean {
  if (record === undefined || record.goneAtMs !== undefined) return false;
  if (modulePath === undefined) return true;
  const module = record.modules.get(modulePath);
  return module !== undefined && module.goneAtMs === undefined;
}

/** What is to be done about a space: nothing, or one thing. */
function changeOf(
  { area, name, goneAtMs }: StoredSpace,
  look: { readonly isThere: boolean; readonly nowMs: number; readonly keptMs: number },
): readonly SpaceChange[] {
  const { isThere, nowMs: atMs, keptMs } = look;
  const space = { area, name, atMs };
  if (isThere) return goneAtMs === undefined ? [] : [{ ...space, change: 'back' }];
  if (goneAtMs === undefined) return [{ ...space, change: 'gone' }];
  return atMs - goneAtMs > keptMs ? [{ ...space, change: 'forgotten' }] : [];
}
