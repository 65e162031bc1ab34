/** The `fastly.toml` of one folder with all that it names: what its Fastly guests run with. */
import { join } from 'node:path';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { quoteReceived } from '../../names.ts';
import { isPassing, type ReadFile } from '../../outside/mount/guarded-fs.ts';
import {
  badFastlyToml,
  fastlyName,
  type LocalServer,
  noLocalServer,
  parseFastlyToml,
} from '../../site/fastly/fastly-toml.ts';
import { couldBeNamed, namedFiles, secretFiles } from '../../site/fastly/named-files.ts';
import { type FastlySettings, resolveLocalServer } from '../../site/fastly/resolve.ts';
import type { ShownFastly } from '../common/common-fastly.ts';
import type { FastlyBundle } from '../common/fastly-bundle.ts';
import { changedAtMs, type FileStamp, stampOf } from '../look/scan.ts';
import { type Sighting, settleWaitMs, sight, soonest } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';
import { type FastlyFilesPlace, resolveFastly } from './fastly-files.ts';
import { OwnerFile } from './owner-file.ts';

/** `paths`: files in the folder that no visitor gets. */
export type FastlyState =
  | { readonly kind: 'none'; readonly paths: readonly string[] }
  /** The file, or one that it names, is still to be read. */
  | { readonly kind: 'unread'; readonly paths: readonly string[] }
  | {
      readonly kind: 'good';
      readonly settings: FastlySettings;
      readonly paths: readonly string[];
    }
  | {
      readonly kind: 'broken';
      readonly error: TerrafirmaError;
      readonly paths: readonly string[];
    };

export interface FastlyFileOptions extends FastlyFilesPlace {
  /** Other nodes have copies: what this one shows is kept, to be told to them. */
  readonly isShared: boolean;
  readonly limits: Pick<Limits, 'fastlyTomlBytesMax' | 'fastlyFilesBytesMax'>;
}

/** Which contents the state was made of. */
interface Basis {
  readonly local: LocalServer;
  readonly stamps: ReadonlyMap<string, FileStamp>;
}

/** Of several nodes: another's, and newer than what this copy shows. */
interface Followed {
  readonly bundle: FastlyBundle | undefined;
  readonly state: FastlyState;
}

const noPaths: readonly string[] = [];
const shownNone: ShownFastly = { bundle: undefined, mtimeMs: 0 };
/** Of more that were named one after another, the first are forgotten. */
const secretFilesMax = 1_000;
/** Of a file that is not there, or cannot be read. */
const absentStamp: FileStamp = '';

export class FolderFastly {
  readonly #options: FastlyFileOptions;
  readonly #file: OwnerFile<LocalServer>;
  readonly #sightings = new Map<string, Sighting>();
  /** What was named as a secret's file since the folder is in use: it stays closed. */
  readonly #secretFiles = new Set<string>();
  #basis: Basis | undefined;
  #state: FastlyState = { kind: 'unread', paths: noPaths };
  #shown: ShownFastly | undefined;
  #followed: Followed | undefined;

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
    return this.#followed?.state ?? this.#state;
  }

  /** Whether there is none, or the file itself has been looked at. */
  get isKnown(): boolean {
    return this.#followed !== undefined || this.#file.state.kind !== 'unknown';
  }

  /** Undefined where there is none, or nobody knows yet. */
  get text(): string | undefined {
    if (this.#followed !== undefined) return this.#followed.bundle?.text;
    return this.#file.state.kind === 'unknown' ? undefined : this.#file.state.text;
  }

  /** What this copy shows; undefined while it is not known, or wrong. */
  get shown(): ShownFastly | undefined {
    if (this.#state.kind !== 'none') return this.#state.kind === 'good' ? this.#shown : undefined;
    return this.#file.state.kind === 'good' ? shownNone : undefined;
  }

  /** From now on that holds, whatever this copy shows: it is another node's, and newer. */
  follow(bundle: FastlyBundle | undefined): void {
    if (this.#followed !== undefined && this.#followed.bundle === bundle) return;
    this.#followed = { bundle, state: this.#stateOf(bundle) };
  }

  /** What this copy shows holds. */
  followOwn(): void {
    this.#followed = undefined;
  }

  /** Takes what held before a restart: which files are private. What they hold is read again. */
  restore(text: string | undefined): void {
    this.#file.restore(text);
    if (text !== undefined) this.#state = { kind: 'unread', paths: this.#namedNow() };
    else this.#state = { kind: 'none', paths: this.#closed(noPaths) };
  }

  /** The same folder, where it was before: what was a secret's file there stays closed. */
  inherit(before: FolderFastly): void {
    this.#keepClosed([...before.#secretFiles]);
    this.#state = { kind: 'unread', paths: this.#closed(noPaths) };
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
    else if (file.text === undefined) this.#settle({ kind: 'none', paths: this.#closed(noPaths) });
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
    this.#keepClosed(secretFiles(local));
    if (this.#state.kind !== 'good') this.#state = { kind: 'unread', paths: this.#namedNow() };
    const stamps = new Map<string, FileStamp>();
    let waitMs = 0;
    let mtimeMs = this.#file.shown?.mtimeMs ?? 0;
    try {
      const resolved = await resolveFastly({ local, text }, this.#options, {
        onNeeded: (path) => stamps.set(path, absentStamp),
        takes: (path, read) => {
          waitMs = this.#settleWait(path, read, clock);
          stamps.set(path, stampOf(read.after));
          mtimeMs = Math.max(mtimeMs, Number(read.after.mtimeMs));
          return waitMs === 0;
        },
      });
      if (resolved === undefined) return waitMs;
      const { files, paths, settings } = resolved;
      this.#state = { kind: 'good', paths: this.#closed(paths), settings };
      this.#shown = this.#options.isShared ? { bundle: { text, files }, mtimeMs } : undefined;
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
    if (file.kind === 'broken') return this.#closed(couldBeNamed(file.text));
    if (file.kind !== 'good') return this.#closed(noPaths);
    this.#keepClosed(secretFiles(file.value));
    return this.#closed(namedFiles(file.value));
  }

  /** Whoever takes the file away, or what names them, does not mean to show them. */
  #keepClosed(paths: readonly string[]): void {
    for (const path of paths) {
      this.#secretFiles.delete(path);
      this.#secretFiles.add(path);
    }
    for (const path of this.#secretFiles) {
      if (this.#secretFiles.size <= secretFilesMax) break;
      this.#secretFiles.delete(path);
    }
  }

  #closed(paths: readonly string[]): readonly string[] {
    return this.#secretFiles.size === 0 ? paths : [...new Set([...paths, ...this.#secretFiles])];
  }

  /** Of another node's; files of this copy stay private, as who follows may be late. */
  #stateOf(bundle: FastlyBundle | undefined): FastlyState {
    const ownPaths = this.#state.paths;
    if (bundle === undefined) return { kind: 'none', paths: this.#closed(noPaths) };
    const { files, text } = bundle;
    const paths = this.#closed([...new Set([...files.keys(), ...ownPaths])]);
    const { limits, variable } = this.#options;
    try {
      const local = parseFastlyToml(Buffer.from(text), limits.fastlyTomlBytesMax);
      this.#keepClosed(secretFiles(local));
      const bytesMax = limits.fastlyFilesBytesMax;
      const resolution = resolveLocalServer(local, { files, variable, bytesMax });
      if (resolution.kind === 'resolved') {
        return { kind: 'good', settings: resolution.settings, paths };
      }
      const missing = quoteReceived(resolution.files[0]?.path ?? '');
      throw badFastlyToml(`${fastlyName}: a file of it must come with it: received no ${missing}`);
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      return { kind: 'broken', error, paths: [...new Set([...paths, ...couldBeNamed(text)])] };
    }
  }

  /** What was private stays so until the file is right again. */
  #break(error: TerrafirmaError, paths: readonly string[]): void {
    const before = this.#state;
    const all = [...new Set([...before.paths, ...paths])];
    const isSame = before.kind === 'broken' && before.error.message === error.message;
    // The same mistake, and a line further down that names another file.
    if (isSame && all.length === before.paths.length) return;
    this.#settle({ kind: 'broken', error, paths: all });
  }

  #settle(state: FastlyState): void {
    if (state.kind === 'none' && this.#state.kind === 'none') return;
    this.#state = state;
    this.#shown = undefined;
    this.#basis = undefined;
    this.#sightings.clear();
  }
}

function unlessPassing(error: unknown): undefined {
  if (isPassing(error)) throw error;
  return undefined;
}
