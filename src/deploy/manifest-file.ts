/**
 * Edge: the `.kbp_config` of one folder, watched with the same care as a module: it says who may
 * read, so half of it, a vanished mount or one missed look must never open the folder.
 */
import { join } from 'node:path';
import type { Limits } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import { errnoOf, FileTooLargeError, type GuardedFs, isUnreachable } from '../site/guarded-fs.ts';
import { MANIFEST_NAME, type Manifest, parseManifest } from '../site/manifest.ts';
import { changedAtMs, type FileStamp, stampOf } from './scan.ts';
import { type Sighting, settleWaitMs, sight } from './settle.ts';
import type { FolderTiming } from './timing.ts';

export type ManifestState =
  | { readonly kind: 'unknown' }
  /** `text` is undefined when the folder has no such file. */
  | { readonly kind: 'good'; readonly manifest: Manifest; readonly text: string | undefined }
  /** `text` is broken too, so that it stays so over a restart. */
  | { readonly kind: 'broken'; readonly error: TerrafirmaError; readonly text: string };

export interface ManifestOptions {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly limits: Pick<Limits, 'manifestBytesMax'>;
}

export class ManifestFile {
  readonly #options: ManifestOptions;
  #state: ManifestState = { kind: 'unknown' };
  #judgedStamp: FileStamp | undefined;
  #sighting: Sighting | undefined;
  #missingSinceMs: number | undefined;
  /** Restored, and not yet compared with the file. */
  #isProvisional = false;

  constructor(options: ManifestOptions) {
    this.#options = options;
  }

  get state(): ManifestState {
    return this.#state;
  }

  /** Takes what was valid before a restart, until the file has been looked at. */
  restore(text: string | undefined): void {
    this.#state = this.#parse(text === undefined ? undefined : Buffer.from(text));
    this.#isProvisional = true;
  }

  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0 when all is known.
   * Throws only when the mount is unreachable.
   */
  async look(timing: FolderTiming, nowMs: number): Promise<number> {
    const { fs, directory } = this.#options;
    const path = join(directory, MANIFEST_NAME);
    try {
      const stats = await fs.lstat(path);
      this.#missingSinceMs = undefined;
      const stamp = stampOf(stats);
      if (stamp === this.#judgedStamp) return 0;
      if (!stats.isFile()) return this.#decide(stamp, broken('it must be a regular file'));
      this.#sighting = sight({ stamp }, this.#sighting, nowMs);
      const file = { sizeBytes: Number(stats.size), changedAtMs: changedAtMs(stats) };
      const waitMs = settleWaitMs(file, this.#sighting, { timing, nowMs });
      // A folder that was open before a restart and has rules now waits for them.
      if (waitMs > 0 && this.#isProvisional && this.#text === undefined) {
        this.#state = { kind: 'unknown' };
      }
      if (waitMs > 0) return waitMs;
      const { bytes, before, after } = await fs.readFile(
        path,
        this.#options.limits.manifestBytesMax,
      );
      const isWhole = stampOf(before) === stamp && stampOf(after) === stamp;
      return isWhole ? this.#decide(stamp, this.#parse(bytes)) : timing.quietMs;
    } catch (error) {
      return this.#takeError(error, { timing, nowMs });
    }
  }

  #takeError(error: unknown, at: { timing: FolderTiming; nowMs: number }): number {
    if (isUnreachable(error)) throw error;
    if (errnoOf(error) === 'ENOENT') return this.#miss(at.timing, at.nowMs);
    const isTooLarge = error instanceof FileTooLargeError;
    const bytesMax = this.#options.limits.manifestBytesMax;
    const rule = isTooLarge
      ? `it may have at most ${bytesMax} bytes`
      : `it cannot be read: ${error}`;
    return this.#decide(undefined, broken(rule));
  }

  /** A file that was there and is not counts as gone at the second look in a row. */
  #miss(timing: FolderTiming, nowMs: number): number {
    this.#missingSinceMs ??= nowMs;
    const hadFile = this.#text !== undefined;
    const missingMs = nowMs - this.#missingSinceMs;
    if (hadFile && missingMs < timing.quietMs) return timing.quietMs - missingMs;
    return this.#decide(undefined, this.#parse(undefined));
  }

  get #text(): string | undefined {
    return this.#state.kind === 'unknown' ? undefined : this.#state.text;
  }

  #decide(stamp: FileStamp | undefined, state: ManifestState): number {
    this.#judgedStamp = stamp;
    this.#isProvisional = false;
    this.#state = state;
    return 0;
  }

  #parse(bytes: Uint8Array | undefined): ManifestState {
    try {
      const manifest = parseManifest(bytes, this.#options.limits.manifestBytesMax);
      const text = bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
      return { kind: 'good', manifest, text };
    } catch (error) {
      const text = Buffer.from(bytes ?? '').toString('utf8');
      if (error instanceof TerrafirmaError) return { kind: 'broken', error, text };
      throw error;
    }
  }
}

function broken(rule: string): ManifestState {
  const detail = `Cannot serve the folder: ${MANIFEST_NAME}: ${rule}`;
  return { kind: 'broken', error: new TerrafirmaError('bad-manifest', detail), text: '' };
}
