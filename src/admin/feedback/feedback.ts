/**
 * Tells owners how their folders are, by files below `.terrafirma/<node>/` in the folder: where the
 * operator, the mount and the folder all allow it. Only what has changed is written, and not often:
 * every device that syncs the folder gets it. A name that begins with a dot is neither watched nor
 * served nor seen by guests, so that writing causes no look.
 */
import { setInterval as every } from 'node:timers';
import type { FolderLook } from '../../deploy/folder/folder-look.ts';
import { isNetworkType } from '../../deploy/look/timing.ts';
import type { Publisher } from '../../deploy/publish.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey } from '../../names.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { appendInside, writeInside } from '../../outside/mount/write-inside.ts';
import { Churn } from './churn.ts';
import type { FeedbackFacts } from './facts.ts';
import type { OwnerLogs } from './owner-log.ts';
import { describeForOwner, formatStatus, isPublic } from './status-file.ts';

export interface FeedbackOptions {
  readonly publisher: Pick<Publisher, 'folders'>;
  readonly fsOf: (mountDirectory: string, folderKey: FolderKey) => GuardedFs;
  /** Whether the operator lets this mount be written to. */
  readonly isWritable: (mountDirectory: string) => boolean;
  /** Tells nodes that serve one folder apart: one name for two would make conflict copies. */
  readonly node: string;
  readonly version: string;
  /** Browsers that are signed in to the folder; see `owners/panel.ts`. */
  readonly sessionsOf: (folderKey: FolderKey) => readonly unknown[];
  readonly facts: Pick<FeedbackFacts, 'of' | 'refresh'>;
  readonly logs: Pick<OwnerLogs, 'read' | 'take'>;
  readonly journal: Journal;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

interface Told {
  readonly churn: Churn;
  /** What the status said, without what changes all the time. */
  status: string;
  /** When counts were told last. */
  countedAtMs: number;
  /** Lines that are still to be written. */
  log: string;
  isNetwork: boolean | undefined;
}

const lookMs = 10_000;
/** Counts alone are no reason to write more often. */
const countsMs = 3_600_000;
const logBytesMax = 256 * 1024;
const foldersMax = 10_000;

export class Feedback {
  readonly #options: FeedbackOptions;
  readonly #told = new Map<FolderKey, Told>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  /** Why news could not be read at the last look; '' where they were. */
  #notRead = '';

  constructor(options: FeedbackOptions) {
    this.#options = options;
    this.#timer = every(() => {
      this.#looking ??= this.look().finally(() => {
        this.#looking = undefined;
      });
    }, lookMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Writes what has changed. Never rejects. */
  async look(): Promise<void> {
    const wanted = this.#options.publisher.folders().filter((look) => this.#isWanted(look));
    await this.#readFor(wanted);
    for (const look of wanted) await this.#tell(look);
  }

  /** Without news of one kind the others are told: what is known stands as it was. */
  async #readFor(wanted: readonly FolderLook[]): Promise<void> {
    const { facts, logs, journal } = this.#options;
    // What anybody may read holds no line of a log.
    const closed = wanted.filter((look) => !isPublic(look));
    const reads = await Promise.allSettled([
      wanted.length > 0 ? facts.refresh() : undefined,
      logs.read(new Set(closed.map(({ folderKey }) => folderKey))),
    ]);
    const errors = reads.flatMap((read) => (read.status === 'rejected' ? [read.reason] : []));
    const reasons = errors.map((error) => (error instanceof Error ? error.message : `${error}`));
    // Once, and not at each look.
    const reason = reasons.join('; ');
    if (reason !== '' && reason !== this.#notRead) journal.tell('feedback-not-read', { reason });
    this.#notRead = reason;
  }

  #isWanted({ site, state }: FolderLook): boolean {
    if (site?.settings?.feedback?.write !== true || state === 'away') return false;
    return this.#options.isWritable(site.mountDirectory);
  }

  async #tell(look: FolderLook): Promise<void> {
    const told = this.#toldOf(look.folderKey);
    try {
      told.isNetwork ??= await this.#isNetwork(look);
      await this.#tellStatus(look, told, told.isNetwork);
      if (!isPublic(look)) await this.#tellLog(look, told, told.isNetwork);
    } catch (error) {
      told.churn.failed(this.#options.nowMs());
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.journal.tell('feedback-paused', { folderKey: look.folderKey, reason });
    }
  }

  async #tellStatus(look: FolderLook, told: Told, isNetwork: boolean): Promise<void> {
    const { facts: book, nowMs: now, sessionsOf, version } = this.#options;
    const isPublicAllowed = look.site?.settings?.feedback?.public === true;
    const { lastDay, ...facts } = book.of(look.folderKey);
    const sessions = sessionsOf(look.folderKey);
    const about = { version, isPublicAllowed, facts, sessions };
    const status = describeForOwner(look, about);
    if (status === undefined) return;
    const nowMs = now();
    const text = JSON.stringify(status);
    if (told.status === text && nowMs < told.countedAtMs + countsMs) return;
    const counts = isPublic(look) ? undefined : lastDay;
    const bytes = formatStatus(status, new Date(nowMs).toISOString(), counts);
    if (!told.churn.allows('status', bytes.length, { nowMs, isNetwork })) return;
    await this.#write(look, (directory) => {
      return writeInside(directory, this.#placeOf('status.json'), bytes);
    });
    told.churn.wrote('status', bytes.length, nowMs);
    Object.assign(told, { status: text, countedAtMs: nowMs });
  }

  async #tellLog(look: FolderLook, told: Told, isNetwork: boolean): Promise<void> {
    told.log = `${told.log}${this.#options.logs.take(look.folderKey)}`.slice(-logBytesMax);
    if (told.log === '') return;
    const nowMs = this.#options.nowMs();
    const bytes = Buffer.from(told.log).subarray(-logBytesMax);
    // The file is written whole each time.
    if (!told.churn.allows('log', logBytesMax, { nowMs, isNetwork })) return;
    await this.#write(look, (directory) => {
      const place = { ...this.#placeOf('log.txt'), earlier: 'log.1.txt' };
      return appendInside(directory, place, { bytes, bytesMax: logBytesMax });
    });
    told.churn.wrote('log', logBytesMax, nowMs);
    told.log = '';
  }

  #placeOf(name: string): { readonly names: readonly string[]; readonly name: string } {
    return { names: ['.terrafirma', this.#options.node], name };
  }

  async #isNetwork(look: FolderLook): Promise<boolean> {
    const { type } = await this.#fsOf(look).statfs(look.directory);
    return isNetworkType(type);
  }

  /** As every operation on a mount: one that hangs holds up nobody else. */
  async #write(look: FolderLook, write: (directory: string) => Promise<void>): Promise<void> {
    const { directory } = look;
    await this.#fsOf(look).run({ name: 'write', path: directory, start: () => write(directory) });
  }

  #fsOf({ folderKey, site }: FolderLook): GuardedFs {
    return this.#options.fsOf(site?.mountDirectory ?? '', folderKey);
  }

  #toldOf(folderKey: FolderKey): Told {
    const known = this.#told.get(folderKey);
    if (known !== undefined) return known;
    if (this.#told.size >= foldersMax) this.#told.clear();
    const fresh: Told = {
      ...{ churn: new Churn(), status: '', countedAtMs: Number.NEGATIVE_INFINITY, log: '' },
      isNetwork: undefined,
    };
    this.#told.set(folderKey, fresh);
    return fresh;
  }
}
