/**
 * The modules of a folder that several nodes have copies of: asks the common record about what the
 * own copy shows, and takes up what others have accepted, from the blobs. Then the own record has
 * the head as its newest version, and everything else is as on one machine.
 */
import { describeError, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../names.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { Digest } from '../../threads/messages.ts';
import { type JudgeParts, sizeRefusal, type Verdict } from '../build/judge.ts';
import type { KeptModules } from '../keep/kept-modules.ts';
import type { ModuleStore } from '../keep/store.ts';
import { type ListedFile, modifiedAtMs } from '../look/scan.ts';
import type { CommonEntry } from './common-record.ts';
import type { CommonVersions, NewVersion, Taken } from './common-versions.ts';

export interface CommonModulesOptions {
  readonly folderKey: FolderKey;
  readonly versions: CommonVersions;
  readonly kept: KeptModules;
  readonly store: ModuleStore;
  readonly judging: Pick<JudgeParts, 'builder' | 'modules' | 'moduleBytesMax' | 'nowMs'>;
  readonly journal: Journal;
}

/** What becomes of what the copy shows. */
export type Fate =
  /** It is, or is from now on, what serves. */
  | { readonly kind: 'serves' }
  /** The head serves. `note`: what the owner should know. */
  | { readonly kind: 'waits'; readonly note?: string };

export const heldNote =
  'it is older than what serves: touch the file, or run "terrafirma accept", to have it published';
const awayNote = 'Cannot publish now: the servers of the cluster are away';

export class CommonModules {
  readonly #options: CommonModulesOptions;
  /** Versions of others that this release refuses, and why. */
  readonly #refused = new Map<Digest, ErrorRecord>();
  /** One at a time: each holds the bytes of a module. */
  readonly #taking = new Map<ModulePath, Promise<boolean>>();
  /** Of the own copy, being accepted: what all have then is kept here by whoever judges it. */
  readonly #accepting = new Set<ModulePath>();
  #turn: Promise<unknown> = Promise.resolve();
  #isTakenUp = false;

  constructor(options: CommonModulesOptions) {
    this.#options = options;
  }

  /**
   * About a good file of the own copy. Where that serves, nothing is taken up of the module until
   * it is kept here, which `kept` is to say.
   */
  async judge(
    file: ListedFile,
    verdict: Extract<Verdict, { readonly kind: 'accepted' | 'known' }>,
  ): Promise<Fate> {
    const { path } = file;
    const digest = verdict.kind === 'known' ? verdict.digest : verdict.version.digest;
    const shown = { digest, mtimeMs: modifiedAtMs(file.stamp) };
    this.#accepting.add(path);
    let fate: Fate | undefined;
    try {
      await this.#taking.get(path);
      fate = await this.#take(path, shown, () => this.#read(path, digest, verdict));
      return fate;
    } finally {
      if (fate?.kind !== 'serves') this.#accepting.delete(path);
    }
  }

  /** See `judge`. */
  kept(path: ModulePath): void {
    this.#accepting.delete(path);
  }

  /** About a file that is not there. */
  judgeAbsence(path: ModulePath): Promise<Fate> {
    return this.#take(path, { digest: null, mtimeMs: 0 }, async () => undefined);
  }

  /** Whether no node has accepted any version of it, as after the servers were emptied. */
  isUnknown(path: ModulePath): boolean {
    const { versions } = this.#options;
    return versions.isRead && versions.headOf(path) === undefined;
  }

  /** Whether what others had accepted has been taken up once, as far as it could be. */
  get isTakenUp(): boolean {
    return this.#isTakenUp;
  }

  /** Whether others have accepted a version of it that may serve here. */
  isAccepted(path: ModulePath): boolean {
    const digest = this.#options.versions.headOf(path)?.digest ?? null;
    return digest !== null && !this.#refused.has(digest);
  }

  /** Why nothing that others have accepted of it can serve here, where that is so. */
  refusalOf(path: ModulePath): ErrorRecord | undefined {
    const digest = this.#options.versions.headOf(path)?.digest ?? null;
    return digest === null ? undefined : this.#refused.get(digest);
  }

  /** Takes up what others have accepted; `onTaken` hears of each that changed. Never rejects. */
  async takeHeads(onTaken: (path: ModulePath) => void): Promise<void> {
    const { versions } = this.#options;
    const isAll = versions.isRead;
    for (const path of versions.paths()) if (await this.takeHead(path)) onTaken(path);
    this.#isTakenUp ||= isAll;
  }

  /** The same of one, before those that nobody waits for; whether it changed. Never rejects. */
  takeHead(path: ModulePath): Promise<boolean> {
    if (this.#accepting.has(path)) return Promise.resolve(false);
    const underWay = this.#taking.get(path);
    if (underWay !== undefined) return underWay;
    const taking = this.#takeInTurn(path, this.#turn);
    this.#turn = taking;
    this.#taking.set(path, taking);
    return taking;
  }

  async #takeInTurn(path: ModulePath, turn: Promise<unknown>): Promise<boolean> {
    await turn;
    try {
      return await this.#takeHead(path);
    } catch (error) {
      this.#tell(path, error);
      return false;
    } finally {
      this.#taking.delete(path);
    }
  }

  async #take(
    path: ModulePath,
    shown: Parameters<CommonVersions['take']>[1],
    read: () => Promise<NewVersion | undefined>,
  ): Promise<Fate> {
    const { versions } = this.#options;
    // Nothing is known of the others yet: what was kept serves, and it is tried again.
    if (!(await versions.isKnown())) throw new TerrafirmaError('overloaded', awayNote);
    try {
      return fateOf(await versions.take(path, shown, read));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new TerrafirmaError('overloaded', `Cannot publish now: ${error.message}`, {
        cause: error,
      });
    }
  }

  async #read(
    path: ModulePath,
    digest: Digest,
    verdict: Extract<Verdict, { readonly kind: 'accepted' | 'known' }>,
  ): Promise<NewVersion> {
    if (verdict.kind === 'accepted') return { abi: verdict.version.abi, bytes: verdict.bytes };
    const { kept, store } = this.#options;
    const known = kept.record(path)?.versions.find((version) => version.digest === digest);
    return { abi: known?.abi ?? '', bytes: await store.readModule(digest) };
  }

  /** Whether the own record changed. */
  async #takeHead(path: ModulePath): Promise<boolean> {
    const { journal, judging, kept, folderKey, versions } = this.#options;
    const head = versions.headOf(path);
    if (head === undefined) return false;
    if (head.digest === null) {
      if (kept.live(path) === undefined) return false;
      await kept.remove(path, judging.nowMs());
      journal.tell('module-removed', { folderKey, modulePath: path });
      return true;
    }
    const newest = kept.live(path)?.versions[0].digest;
    const pinned = versions.pinnedOf(path);
    const missing = [pinned, head].filter(
      (entry): entry is CommonEntry =>
        entry !== undefined && entry.digest !== null && !this.#has(path, entry),
    );
    if (newest === head.digest && missing.length === 0) return false;
    for (const entry of missing) await this.#adopt(path, entry);
    // Whatever came in between, the head is the newest.
    const { digest } = head;
    if (kept.live(path)?.versions[0].digest === digest || this.#refused.has(digest)) return true;
    await this.#adopt(path, head);
    return true;
  }

  #has(path: ModulePath, { digest }: CommonEntry): boolean {
    if (digest === null || this.#refused.has(digest)) return true;
    const { kept } = this.#options;
    return kept.live(path) !== undefined && kept.digestsOf(path).includes(digest);
  }

  /** Judges a version of another node and keeps it as the newest. */
  async #adopt(path: ModulePath, entry: CommonEntry): Promise<void> {
    const { folderKey, journal, judging, kept, store, versions } = this.#options;
    const { digest } = entry;
    if (digest === null) return;
    // Nodes have limits of their own, and what is too large here is not even read.
    const tooLarge = sizeRefusal(entry.bytes, judging.moduleBytesMax);
    if (tooLarge !== undefined) return this.#refuse(path, digest, toErrorRecord(tooLarge));
    const found = store.has(digest)
      ? await store.readModule(digest)
      : await versions.bytesOf(digest);
    if (found === undefined) {
      throw new TerrafirmaError('state', 'Cannot take up the version: its bytes must be there');
    }
    const owner = ownerOf(folderKey);
    const bytes = new Uint8Array(found);
    const original = new Uint8Array(found);
    const built = await judging.builder.build(async () => bytes, { owner, forms: 'first' });
    if (built.kind === 'refused') return this.#refuse(path, digest, built.error);
    if (built.kind !== 'built') throw new TerrafirmaError('internal', 'Cannot build the version');
    try {
      await judging.modules.admit({ artifact: built.artifact, original: built.bytes, owner });
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || !error.code.startsWith('module-')) throw error;
      return this.#refuse(path, digest, toErrorRecord(error));
    }
    const { abi } = built.artifact;
    const { acceptedAtMs } = entry;
    const version = { digest, abi, acceptedAtMs, bytes: original.byteLength };
    // The own copy has not shown it: whatever is there is read when it changes.
    const stamp = kept.record(path)?.seen.stamp ?? '';
    await kept.accept(path, { version, seen: { digest, stamp } }, original);
    journal.tell('module-published', { folderKey, modulePath: path, digest, abi });
  }

  /** The newest version that this release accepts serves on. */
  #refuse(path: ModulePath, digest: Digest, error: ErrorRecord): void {
    this.#refused.set(digest, error);
    const { folderKey, journal } = this.#options;
    const reason = `another node accepted it: ${error.detail}`;
    journal.tell('module-refused', { folderKey, modulePath: path, digest, reason, isServed: true });
  }

  #tell(modulePath: ModulePath, error: unknown): void {
    const reason = error instanceof TerrafirmaError ? error.message : describeError(error);
    const { folderKey, journal } = this.#options;
    journal.tell('module-judging-failed', { folderKey, modulePath, reason });
  }
}

function fateOf(taken: Taken): Fate {
  if (taken === 'hold') return { kind: 'waits', note: heldNote };
  return taken === 'late' ? { kind: 'waits' } : { kind: 'serves' };
}
