/**
 * Edge: one of the files in which an owner tells about the folder, watched with the same care as a
 * module: half of it, a vanished mount or one missed look must never count as what was said.
 */

import { join } from 'node:path';
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';
import {
  errnoOf,
  FileTooLargeError,
  type GuardedFs,
  isPassing,
} from '../../outside/mount/guarded-fs.ts';
import { changedAtMs, type FileStamp, stampOf } from '../look/scan.ts';
import { type Sighting, settleWaitMs, sight } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';

export type OwnerFileState<T> =
  | { readonly kind: 'unknown' }
  /** `text` is undefined when the folder has no such file. */
  | { readonly kind: 'good'; readonly value: T; readonly text: string | undefined }
  /** `text` is broken too, so that it stays so over a restart. */
  | { readonly kind: 'broken'; readonly error: TerrafirmaError; readonly text: string };

/** What this copy of the folder shows. */
export interface ShownText {
  /** Undefined: there is no such file. */
  readonly text: string | undefined;
  readonly mtimeMs: number;
}

export interface OwnerFileOptions<T> {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly name: string;
  readonly bytesMax: number;
  /**
   * Undefined: there is no such file.
   *
   * @throws TerrafirmaError for a file that is not valid
   */
  readonly parse: (bytes: Uint8Array | undefined) => T;
  /** The error for a file that cannot even be parsed. */
  readonly refuse: (rule: string) => TerrafirmaError;
}

export class OwnerFile<T> {
  readonly #options: OwnerFileOptions<T>;
  #state: OwnerFileState<T> = { kind: 'unknown' };
  #shown: ShownText | undefined;
  /** What holds in place of what this copy shows. */
  #followed: OwnerFileState<T> | undefined;
  #judgedStamp: FileStamp | undefined;
  #sighting: Sighting | undefined;
  #missingSinceMs: number | undefined;
  /** Restored, and not yet compared with the file. */
  #isProvisional = false;

  constructor(options: OwnerFileOptions<T>) {
    this.#options = options;
  }

  get state(): OwnerFileState<T> {
    return this.#followed ?? this.#state;
  }

  /** Undefined while it is not known, and where the file cannot be read as text. */
  get shown(): ShownText | undefined {
    return this.#shown;
  }

  /** From now on that text holds, whatever this copy shows: it is another node's, and newer. */
  follow(text: string | undefined): void {
    const known = this.#followed;
    if (known !== undefined && known.kind !== 'unknown' && known.text === text) return;
    this.#followed = this.#parse(text === undefined ? undefined : Buffer.from(text));
  }

  /** What this copy shows holds. */
  followOwn(): void {
    this.#followed = undefined;
  }

  /** Takes what was valid before a restart, until the file has been looked at. */
  restore(text: string | undefined): void {
    this.#state = this.#parse(text === undefined ? undefined : Buffer.from(text));
    this.#isProvisional = true;
  }

  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0 when all is known.
   *
   * @throws only when the mount is unreachable or the process has no open files left
   */
  async look(timing: FolderTiming, nowMs: number): Promise<number> {
    const { fs, directory, name, bytesMax } = this.#options;
    const path = join(directory, name);
    try {
      const stats = await fs.lstat(path);
      this.#missingSinceMs = undefined;
      const stamp = stampOf(stats);
      if (stamp === this.#judgedStamp) return 0;
      if (!stats.isFile()) return this.#refuse(stamp, 'it must be a regular file');
      this.#sighting = sight({ stamp }, this.#sighting, nowMs);
      const file = { sizeBytes: Number(stats.size), changedAtMs: changedAtMs(stats) };
      const waitMs = settleWaitMs(file, this.#sighting, { timing, nowMs });
      // A folder that was open before a restart and has rules now waits for them.
      if (waitMs > 0 && this.#isProvisional && this.#text === undefined) {
        this.#state = { kind: 'unknown' };
        this.#followed = undefined;
      }
      if (waitMs > 0) return waitMs;
      const { bytes, before, after } = await fs.readFile(path, bytesMax);
      const isWhole = stampOf(before) === stamp && stampOf(after) === stamp;
      if (!isWhole) return timing.quietMs;
      const state = this.#parse(bytes);
      return this.#decide(stamp, state, Number(before.mtimeMs));
    } catch (error) {
      return this.#takeError(error, { timing, nowMs });
    }
  }

  #takeError(error: unknown, at: { timing: FolderTiming; nowMs: number }): number {
    if (isPassing(error)) throw error;
    if (errnoOf(error) === 'ENOENT') return this.#miss(at.timing, at.nowMs);
    const isTooLarge = error instanceof FileTooLargeError;
    const { bytesMax } = this.#options;
    const rule = isTooLarge
      ? `it may have at most ${inBytes(bytesMax)}`
      : `it cannot be read: ${error}`;
    return this.#refuse(undefined, rule);
  }

  /** A file that was there and is not counts as gone at the second look in a row. */
  #miss(timing: FolderTiming, nowMs: number): number {
    this.#missingSinceMs ??= nowMs;
    const hadFile = this.#text !== undefined;
    const missingMs = nowMs - this.#missingSinceMs;
    if (hadFile && missingMs < timing.quietMs) return timing.quietMs - missingMs;
    return this.#decide(undefined, this.#parse(undefined), 0);
  }

  get #text(): string | undefined {
    return this.#state.kind === 'unknown' ? undefined : this.#state.text;
  }

  #refuse(stamp: FileStamp | undefined, rule: string): number {
    this.#followed = undefined;
    return this.#decide(stamp, { kind: 'broken', error: this.#options.refuse(rule), text: '' });
  }

  /** @param mtimeMs Left out: it could not be read. */
  #decide(stamp: FileStamp | undefined, state: OwnerFileState<T>, mtimeMs?: number): number {
    this.#judgedStamp = stamp;
    this.#isProvisional = false;
    this.#state = state;
    const isRead = mtimeMs !== undefined && state.kind !== 'unknown';
    this.#shown = isRead ? { text: state.text, mtimeMs } : undefined;
    return 0;
  }

  #parse(bytes: Uint8Array | undefined): OwnerFileState<T> {
    try {
      const value = this.#options.parse(bytes);
      const text = bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
      return { kind: 'good', value, text };
    } catch (error) {
      const text = Buffer.from(bytes ?? '').toString('utf8');
      if (error instanceof TerrafirmaError) return { kind: 'broken', error, text };
      throw error;
    }
  }
}
