/**
 * Tells owners how their folders are, by `.terrafirma/<node>/status.json` in the folder: where the
 * operator, the mount and the folder all allow it. Only what has changed is written, and not often:
 * every device that syncs the folder gets it. A name that begins with a dot is neither watched nor
 * served nor seen by guests, so that writing causes no look.
 */
import { setInterval as every } from 'node:timers';
import type { Publisher } from '../../deploy/publish.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey } from '../../names.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { writeInside } from '../../outside/mount/write-inside.ts';
import { describeForOwner, formatStatus } from './status-file.ts';

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
  readonly journal: Journal;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

interface Written {
  text: string;
  atMs: number;
  bytesOfDay: number;
  day: number;
  pausedUntilMs: number;
}

const lookMs = 10_000;
const dayMs = 86_400_000;
const bytesPerDayMax = 50 * 1024 * 1024;
const pauseMs = 600_000;
const foldersMax = 10_000;

export class Feedback {
  readonly #options: FeedbackOptions;
  readonly #written = new Map<FolderKey, Written>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;

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
    for (const look of this.#options.publisher.folders()) await this.#tell(look);
  }

  async #tell(look: ReturnType<Publisher['folders']>[number]): Promise<void> {
    const { isWritable, nowMs, sessionsOf, version } = this.#options;
    const { site } = look;
    const settings = site?.settings?.feedback;
    if (site === undefined || settings?.write !== true || look.state === 'away') return;
    if (!isWritable(site.mountDirectory)) return;
    const isPublicAllowed = settings.public === true;
    const sessions = sessionsOf(look.folderKey);
    const status = describeForOwner(look, { version, isPublicAllowed, sessions });
    if (status === undefined) return;
    const written = this.#writtenOf(look.folderKey);
    const text = JSON.stringify(status);
    const atMs = nowMs();
    if (written.text === text || atMs < written.pausedUntilMs) return;
    const bytes = formatStatus(status, new Date(atMs).toISOString());
    const day = Math.floor(atMs / dayMs);
    const before = written.day === day ? written.bytesOfDay : 0;
    if (before + bytes.length > bytesPerDayMax) return;
    try {
      await this.#write(look.directory, { mountDirectory: site.mountDirectory, look, bytes });
      Object.assign(written, { text, atMs, day, bytesOfDay: before + bytes.length });
    } catch (error) {
      written.pausedUntilMs = atMs + pauseMs;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.journal.tell('feedback-paused', { folderKey: look.folderKey, reason });
    }
  }

  /** As every operation on a mount: one that hangs holds up nobody else. */
  async #write(
    directory: string,
    from: {
      readonly mountDirectory: string;
      readonly look: { readonly folderKey: FolderKey };
      readonly bytes: Uint8Array;
    },
  ): Promise<void> {
    const { fsOf, node } = this.#options;
    const place = { names: ['.terrafirma', node], name: 'status.json' };
    await fsOf(from.mountDirectory, from.look.folderKey).run({
      name: 'write',
      path: directory,
      start: () => writeInside(directory, place, from.bytes),
    });
  }

  #writtenOf(folderKey: FolderKey): Written {
    const known = this.#written.get(folderKey);
    if (known !== undefined) return known;
    if (this.#written.size >= foldersMax) this.#written.clear();
    const fresh = { text: '', atMs: 0, bytesOfDay: 0, day: 0, pausedUntilMs: 0 };
    this.#written.set(folderKey, fresh);
    return fresh;
  }
}
