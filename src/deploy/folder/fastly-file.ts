/** The `fastly.toml` of one folder with all that it names: what its Fastly guests run with. */
import { join } from 'node:path';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { isPassing, type ReadFile } from '../../outside/mount/guarded-fs.ts';
import {
  badFastlyToml,
  fastlyName,
  type LocalServer,
  noLocalServer,
  parseFastlyToml,
} from '../../site/fastly/fastly-toml.ts';
import { couldBeNamed, namedFiles } from '../../site/fastly/named-files.ts';
import type { FastlySettings } from '../../site/fastly/resolve.ts';
import { changedAtMs, type FileStamp, stampOf } from '../look/scan.ts';
import { type Sighting, settleWaitMs, sight, soonest } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';
import { type FastlyFilesPlace, resolveFastly } from './fastly-files.ts';
import { OwnerFile } from './owner-file.ts';

export type FastlyState =
  | { readonly kind: 'none' }
  /** The file, or one that it names, is still to be read. */
  | { readonly kind: 'unread'; readonly paths: readonly string[] }
  | {
      readonly kind: 'good';
      readonly settings: FastlySettings;
      /** Files that it names, in the folder. */
      readonly paths: readonly string[];
    }
  | {
      readonly kind: 'broken';
      readonly error: TerrafirmaError;
      readonly paths: readonly string[];
    };

export interface FastlyFileOptions extends FastlyFilesPlace {
  readonly limits: Pick<Limits, 'fastlyTomlBytesMax' | 'fastlyFilesBytesMax'>;
}

/** Which contents the state was made of. */
interface Basis {
  readonly local: LocalServer;
  readonly stamps: ReadonlyMap<string, FileStamp>;
}

const noPaths: readonly string[] = [];
/** Of a file that is not there, or cannot be read. */
const absentStamp: FileStamp = '';

export class FolderFastly {
  readonly #options: FastlyFileOptions;
  readonly #file: OwnerFile<LocalServer>;
  readonly #sightings = new Map<string, Sighting>();
  #basis: Basis | undefined;
  #state: FastlyState = { kind: 'unread', paths: noPaths };

  constructor(options: FastlyFileOptions) {
    this.#options = options;
    const bytesMax = options.limits.fastlyTomlBytesMax;
    this.#file = new OwnerFile({
      fs: options.fs,
      directory: options.directory,
      name: fastlyName,
      bytesMax,
      parse: (bytes) => (bytes === undefined ? noLocalServer : parseFastlyToml(bytes, bytesMax)),
      refuse: (rule) => badFastlyToml(`${fastlyName}: ${rule}`),
    });
  }

  get state(): FastlyState {
    return this.#state;
  }

  /** Whether there is none, or the file itself has been looked at. */
  get isKnown(): boolean {
    return this.#file.state.kind !== 'unknown';
  }

  /** Undefined where there is none, or nobody knows yet. */
  get text(): string | undefined {
    return this.#file.state.kind === 'unknown' ? undefined : this.#file.state.text;
  }

  /** Takes what held before a restart: which files are private. What they hold is read again. */
  restore(text: string | undefined): void {
    this.#file.restore(text);
    if (text !== undefined) this.#state = { kind: 'unread', paths: this.#namedNow() };
    else this.#state = { kind: 'none' };
  }

  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0 when all is known.
   *
   * @throws only when the mount is unreachable or the process has no open files left
   */
  async look(timing: FolderTiming, nowMs: number): Promise<number> {
    const waitMs = await this.#file.look(timing, nowMs);
    const file = this.#file.state;
    if (file.kind === 'unknown') return waitMs;
    if (file.kind === 'broken') this.#break(file.error, couldBeNamed(file.text));
    else if (file.text === undefined) this.#settle({ kind: 'none' });
    else
      return soonest([waitMs, await this.#lookAtFiles(file.value, file.text, { timing, nowMs })]);
    return waitMs;
  }

  async #lookAtFiles(
    local: LocalServer,
    text: string,
    clock: { readonly timing: FolderTiming; readonly nowMs: number },
  ): Promise<number> {
    if (this.#basis?.local === local && (await this.#isUnchanged(this.#basis))) return 0;
    if (this.#state.kind !== 'good') this.#state = { kind: 'unread', paths: this.#namedNow() };
    const stamps = new Map<string, FileStamp>();
    let waitMs = 0;
    try {
      const resolved = await resolveFastly({ local, text }, this.#options, {
        onNeeded: (path) => stamps.set(path, absentStamp),
        takes: (path, read) => {
          waitMs = this.#settleWait(path, read, clock);
          stamps.set(path, stampOf(read.after));
          return waitMs === 0;
        },
      });
      if (resolved === undefined) return waitMs;
      this.#state = { kind: 'good', ...resolved };
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || error.code !== 'bad-settings') throw error;
      this.#break(error, [...namedFiles(local), ...stamps.keys()]);
    }
    this.#basis = { local, stamps };
    return 0;
  }

  #settleWait(
    path: string,
    { before, after }: ReadFile,
    clock: { readonly timing: FolderTiming; readonly nowMs: number },
  ): number {
    const stamp = stampOf(after);
    if (stampOf(before) !== stamp) return clock.timing.quietMs;
    const sighting = sight({ stamp }, this.#sightings.get(path), clock.nowMs);
    this.#sightings.set(path, sighting);
    const file = { sizeBytes: Number(after.size), changedAtMs: changedAtMs(after) };
    return settleWaitMs(file, sighting, clock);
  }

  /** Whether the files are those that were read. */
  async #isUnchanged({ stamps }: Basis): Promise<boolean> {
    const { fs, directory } = this.#options;
    for (const [path, stamp] of stamps) {
      const stats = await fs.stat(join(directory, path)).catch(unlessPassing);
      if ((stats === undefined ? absentStamp : stampOf(stats)) !== stamp) return false;
    }
    return true;
  }

  #namedNow(): readonly string[] {
    const file = this.#file.state;
    if (file.kind === 'good') return namedFiles(file.value);
    return file.kind === 'broken' ? couldBeNamed(file.text) : noPaths;
  }

  /** What was private stays so until the file is right again. */
  #break(error: TerrafirmaError, paths: readonly string[]): void {
    if (this.#state.kind === 'broken' && this.#state.error.message === error.message) return;
    const before = this.#state.kind === 'none' ? noPaths : this.#state.paths;
    const all = [...new Set([...paths, ...before])];
    this.#settle({ kind: 'broken', error, paths: all });
  }

  #settle(state: FastlyState): void {
    if (state.kind === 'none' && this.#state.kind === 'none') return;
    this.#state = state;
    this.#basis = undefined;
    this.#sightings.clear();
  }
}

function unlessPassing(error: unknown): undefined {
  if (isPassing(error)) throw error;
  return undefined;
}
