/**
 * What all nodes have accepted of one folder: a copy of the shared store's space in memory, kept
 * true by a watch, and what this node adds to it. A decision is a commit with a condition: of
 * several nodes that see the same new file one wins, the others find that it is the head.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { FolderKey, ModulePath } from '../../names.ts';
import type { Notice, SharedStore, Space, Watch } from '../../outside/store/contract.ts';
import type { Digest } from '../../threads/messages.ts';
import type { Bases } from './bases.ts';
import {
  type CommonEntry,
  type CommonModule,
  isRuleKey,
  parseCommon,
  trimEntries,
  withEntries,
} from './common-record.ts';
import { type Decision, decide, type Shown } from './decision.ts';

export interface CommonVersionsOptions {
  readonly shared: SharedStore;
  readonly folderKey: FolderKey;
  readonly node: string;
  readonly versionsKeptMax: number;
  readonly bases: Bases;
  /** Whether this node's clock agrees with those of the others. */
  readonly isClockTrusted: () => boolean;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Something was accepted or rolled back, here or elsewhere. */
  readonly onChange: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** What a version is, for who would accept it. */
export interface NewVersion {
  readonly abi: string;
  readonly bytes: Uint8Array;
  /** Of a rule: it lies in the record itself, not among the blobs. */
  readonly text?: string;
}

interface Known extends CommonModule {
  readonly revision: number;
  readonly value: Uint8Array | undefined;
}

export type Taken = Decision['kind'];

const listedAtOnce = 1_000;
const wait = { deadlineMs: 20_000 };
/** At the start, how long a judgement waits for what others have accepted. */
const readWaitMs = 5_000;
const triesMax = 20;
const nothing: Known = {
  ...{ entries: [], pinned: undefined, text: undefined },
  ...{ revision: 0, value: undefined },
};

export class CommonVersions {
  readonly #options: CommonVersionsOptions;
  readonly #space: Space;
  readonly #modules = new Map<ModulePath, Known>();
  readonly #watch: Watch;
  readonly #read = Promise.withResolvers<void>();
  #isRead = false;
  #reading: Promise<void> | undefined;

  constructor(options: CommonVersionsOptions) {
    this.#options = options;
    this.#space = { area: 'deploy', name: options.folderKey };
    this.#watch = options.shared.watch(this.#space, (notice) => void this.#onNotice(notice));
  }

  /** Reads all of it once the engine tells of changes. Rejects with StoreError. */
  async open(): Promise<void> {
    await this.#watch.ready;
    await this.#readAll();
  }

  /** Whether it is known what others have accepted. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** The same; waits a moment for it, and asks again where it could not be read before. */
  async isKnown(): Promise<boolean> {
    if (!this.#isRead) {
      this.#reading ??= this.open()
        .catch(this.#options.onTrouble)
        .finally(() => {
          this.#reading = undefined;
        });
      const late = delay(readWaitMs, undefined, { ref: false });
      await Promise.race([this.#read.promise, late]);
    }
    return this.#isRead;
  }

  close(): void {
    this.#watch.close();
  }

  /** Of modules. */
  paths(): readonly ModulePath[] {
    return [...this.#modules.keys()].filter((path) => !isRuleKey(path));
  }

  /** Of a rule: what its head says. */
  textOf(path: ModulePath): string | undefined {
    return this.#modules.get(path)?.text;
  }

  /** What `take` would do now. */
  decide(path: ModulePath, shown: Shown): Decision {
    const { entries } = this.#modules.get(path) ?? nothing;
    const { bases, isClockTrusted } = this.#options;
    return decide(entries, { base: bases.of(path), isClockTrusted: isClockTrusted() }, shown);
  }

  /** What this node's copy shows of the module is new from now on, whatever its time. */
  async trustCopy(path: ModulePath): Promise<void> {
    const head = this.headOf(path);
    if (head !== undefined) await this.#options.bases.raise(path, head.seq);
  }

  headOf(path: ModulePath): CommonEntry | undefined {
    return this.#modules.get(path)?.entries[0];
  }

  /** The entry of the version that a rollback holds, where it is not the head. */
  pinnedOf(path: ModulePath): CommonEntry | undefined {
    const { entries, pinned } = this.#modules.get(path) ?? nothing;
    return entries.slice(1).find(({ digest }) => digest !== null && digest === pinned);
  }

  /** Whether this node's copy has shown the head: what it shows otherwise is newer. */
  hasShownHead(path: ModulePath): boolean {
    return this.#options.bases.of(path) >= (this.headOf(path)?.seq ?? 0);
  }

  bytesOf(digest: Digest): Promise<Uint8Array | undefined> {
    return this.#options.shared.blobs.get(digest);
  }

  /**
   * Decides about what this node's copy shows, and makes it the head where it is new; durable in
   * the shared store when it resolves. Rejects with StoreError.
   *
   * @param read The version, where it is to be accepted.
   */
  async take(
    path: ModulePath,
    shown: Shown,
    read: () => Promise<NewVersion | undefined>,
  ): Promise<Taken> {
    const { bases } = this.#options;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const known = this.#modules.get(path) ?? nothing;
      const decision = this.decide(path, shown);
      if (decision.kind === 'hold') return 'hold';
      if (decision.kind !== 'accept') {
        await bases.raise(path, decision.base);
        return decision.kind;
      }
      if (await this.#accept(path, known, { shown, version: await read() })) return 'accept';
      await this.#readOne(path);
    }
    throw new Error(`Cannot accept ${path}: others accepted ${triesMax} times in between`);
  }

  /** Whether nobody else was first. */
  async #accept(
    path: ModulePath,
    known: Known,
    { shown, version }: { readonly shown: Shown; readonly version: NewVersion | undefined },
  ): Promise<boolean> {
    const { bases, node, nowMs, shared, versionsKeptMax } = this.#options;
    const { digest, mtimeMs } = shown;
    const text = version?.text;
    if (digest !== null && version !== undefined && text === undefined) {
      await shared.blobs.put(digest, version.bytes);
    }
    const entry: CommonEntry = {
      seq: (known.entries[0]?.seq ?? 0) + 1,
      ...{ digest, mtimeMs, acceptedAtMs: nowMs(), by: node },
      abi: version?.abi ?? '',
      bytes: version?.bytes.byteLength ?? 0,
    };
    const { pinned } = known;
    const entries = trimEntries([entry, ...known.entries], { versionsKeptMax, pinned });
    const value = withEntries(known.value, entries, text);
    const { revision: ifRevision } = known;
    const write = { key: Buffer.from(path), op: 'put', value, ifRevision } as const;
    const result = await shared.commit(this.#space, [write], wait);
    if (result.kind === 'conflict') return false;
    const [revision = 0] = result.revisions;
    this.#modules.set(path, { entries, pinned, text, value, revision });
    await bases.raise(path, entry.seq);
    return true;
  }

  async #onNotice(notice: Notice): Promise<void> {
    try {
      if (notice === 'reset') {
        await this.#readAll();
      } else {
        const path = Buffer.from(notice.key).toString() as ModulePath;
        if (this.#modules.get(path)?.revision === notice.revision) return;
        await this.#readOne(path);
      }
      this.#options.onChange();
    } catch (error) {
      this.#options.onTrouble(error);
    }
  }

  async #readOne(path: ModulePath): Promise<void> {
    const key = Buffer.from(path);
    const [entry] = await this.#options.shared.read(this.#space, [key], { fresh: true });
    if (entry === undefined) this.#modules.delete(path);
    else this.#set(path, entry);
  }

  async #readAll(): Promise<void> {
    const before = new Set(this.#modules.keys());
    for (let after: Uint8Array | undefined; ; ) {
      const options = { prefix: new Uint8Array(0), limit: listedAtOnce };
      const { shared } = this.#options;
      const page = await shared.list(
        this.#space,
        after === undefined ? options : { ...options, after },
      );
      const keys = page.items.map(({ key }) => key);
      const entries = await shared.read(this.#space, keys);
      for (const [index, key] of keys.entries()) {
        const entry = entries[index];
        if (entry === undefined) continue;
        const path = Buffer.from(key).toString() as ModulePath;
        before.delete(path);
        this.#set(path, entry);
      }
      after = keys.at(-1);
      if (page.isLast) break;
    }
    // They vanished while nobody told of changes: each is asked for, as of now.
    for (const path of before) await this.#readOne(path);
    this.#isRead = true;
    this.#read.resolve();
  }

  #set(path: ModulePath, read: { readonly value: Uint8Array; readonly revision: number }): void {
    const { value, revision } = read;
    if (revision < (this.#modules.get(path)?.revision ?? 0)) return;
    this.#modules.set(path, { ...parseCommon(value), value, revision });
  }
}
