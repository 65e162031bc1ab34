/**
 * The file of the shared store, as a process that writes to it sees it. Edge: SQLite by
 * `node:sqlite`. In the daemon only the store thread has it open for writing; a command of the
 * operator may write beside it, in a process of its own.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { OwnerKey } from '../../names.ts';
import { StoreError } from './contract.ts';
import type { StoreLimits, WriteAnswer, WriteRequest } from './messages.ts';
import { Reclaim } from './reclaim.ts';
import { SpaceWriter } from './space-writer.ts';
import {
  inTransaction,
  openDatabase,
  pageBytes,
  type Synchronous,
  setSynchronous,
} from './sqlite-schema.ts';
import { entryBytes, OwnerBytes } from './usage.ts';

/** A checkpoint is due when nobody writes, and latest after this, whoever waits. */
const journalBytesIdle = 4 * 1024 * 1024;
const journalBytesBusy = 16 * 1024 * 1024;
/** A leaf of the table and one of its index. */
const journalBytesPerWrite = 2 * pageBytes;
/** The most that SQLite knows: sqlite.org/limits.html. */
const pagesMax = 4_294_967_294;
/** sqlite.org/rescode.html#full */
const sqliteFull = 13;

export interface SqliteFileOptions {
  readonly databasePath: string;
  /** For guests' data. The daemon's own is always on the disk before it is answered. */
  readonly synchronous: Synchronous;
  readonly limits: StoreLimits;
}

/**
 * The file, opened for writing.
 *
 * @throws when it is not ours, damaged, or of a later release
 */
export class SqliteFile {
  readonly database: DatabaseSync;
  /** Takes back what nobody can use any more. */
  readonly reclaim: Reclaim;
  readonly #options: SqliteFileOptions;
  readonly #owners: OwnerBytes;
  readonly #writer: SpaceWriter;
  readonly #dataVersion: StatementSync;
  #knownVersion = -1;
  #othersWrote = false;
  /** Whose writes the connection is set for. */
  #mode: 'guests' | 'house' | undefined;
  /** Written since the last checkpoint, about. */
  #journalBytes = 0;

  constructor(options: SqliteFileOptions) {
    const { databasePath, limits } = options;
    this.#options = options;
    this.database = openDatabase(databasePath);
    try {
      this.#owners = new OwnerBytes(limits);
      this.#writer = new SpaceWriter(this.database, limits, this.#owners);
      this.reclaim = new Reclaim(this.database, this.#owners);
      this.#dataVersion = this.database.prepare('PRAGMA data_version');
      this.recount();
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** Whether pages should be moved from the journal into the file now. */
  isCheckpointDue(isIdle: boolean): boolean {
    return this.#journalBytes >= (isIdle ? journalBytesIdle : journalBytesBusy);
  }

  /** Moves the pages of the journal into the file, so that the journal begins anew. */
  checkpoint(): void {
    this.database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    this.#journalBytes = 0;
  }

  /** Bytes that the spaces of an owner take. */
  bytesOf(owner: OwnerKey): number {
    return this.#owners.of(owner);
  }

  /** Bytes that all spaces of guests take. */
  get guestBytes(): number {
    return this.#owners.total;
  }

  /** Whether another process wrote since the last time this was asked. */
  takeOthersWrote(): boolean {
    this.#noteOthers();
    const wrote = this.#othersWrote;
    this.#othersWrote = false;
    return wrote;
  }

  /**
   * Does all of `requests` in order, in one transaction for those of guests and one for ours, and
   * returns after the commits. A request that is refused changes nothing, and the others are not
   * disturbed.
   */
  apply(requests: readonly WriteRequest[]): readonly WriteAnswer[] {
    const [first] = requests;
    const isMixed = requests.some(({ area }) => (area === 'kv') !== (first?.area === 'kv'));
    if (!isMixed) return this.#applySafely(first?.area === 'kv' ? 'guests' : 'house', requests);
    const answers = new Map<WriteRequest, WriteAnswer>();
    const house = requests.filter(({ area }) => area !== 'kv');
    const guests = requests.filter(({ area }) => area === 'kv');
    for (const [mode, some] of [['house', house] as const, ['guests', guests] as const]) {
      if (some.length === 0) continue;
      const answered = this.#applySafely(mode, some);
      for (const [index, request] of some.entries()) {
        const answer = answered[index];
        if (answer !== undefined) answers.set(request, answer);
      }
    }
    return requests.map((request) => answers.get(request) ?? refuse(request.id, undefined));
  }

  /** Counts what owners have stored anew, and lets the next write set the connection up. */
  recount(): void {
    this.#mode = undefined;
    this.#owners.clear();
    const sums = this.database.prepare(
      `SELECT owner, SUM(bytes + keys * ${entryBytes}) AS bytes FROM spaces
       WHERE area = 'kv' GROUP BY owner`,
    );
    for (const { owner, bytes } of sums.iterate()) {
      this.#owners.count(String(owner) as OwnerKey, Number(bytes));
    }
    this.#writer.refresh();
    this.#knownVersion = Number(this.#dataVersion.get()?.data_version);
  }

  close(): void {
    this.database.close();
  }

  #applySafely(mode: 'guests' | 'house', requests: readonly WriteRequest[]): WriteAnswer[] {
    try {
      return this.#applyTogether(mode, requests);
    } catch (error) {
      if (requests.length === 1) return requests.map(({ id }) => refuse(id, error));
      // One request may fail for all, say by filling the file: find out which one.
      return requests.flatMap((request) => this.#applySafely(mode, [request]));
    }
  }

  #applyTogether(mode: 'guests' | 'house', requests: readonly WriteRequest[]): WriteAnswer[] {
    this.#enter(mode);
    const answers = inTransaction(this.database, () => {
      this.#noteOthers();
      this.#writer.begin();
      const applied = requests.map((request) => this.#applyOne(request));
      this.#writer.end();
      return applied;
    });
    this.#writer.committed();
    for (const { writes } of requests) {
      for (const { key, value } of writes) {
        this.#journalBytes += key.byteLength + value.byteLength + journalBytesPerWrite;
      }
    }
    return answers;
  }

  #applyOne(request: WriteRequest): WriteAnswer {
    try {
      return this.#writer.apply(request);
    } catch (error) {
      if (error instanceof StoreError) return refuse(request.id, error);
      throw error;
    }
  }

  /** What others wrote changed what owners have. */
  #noteOthers(): void {
    if (Number(this.#dataVersion.get()?.data_version) === this.#knownVersion) return;
    const mode = this.#mode;
    this.recount();
    this.#mode = mode;
    this.#othersWrote = true;
  }

  /**
   * What guests store has an end, and the operator says what it waits for. A file that guests have
   * filled still takes our certificates, and those are on the disk when the answer says so.
   */
  #enter(mode: 'guests' | 'house'): void {
    if (mode === this.#mode) return;
    const { limits, synchronous } = this.#options;
    const pages = Math.max(1, Math.floor(limits.kvBytesMax / pageBytes));
    this.database.exec(`PRAGMA max_page_count = ${mode === 'guests' ? pages : pagesMax}`);
    setSynchronous(this.database, mode === 'guests' ? synchronous : 'full');
    this.#mode = mode;
  }
}

function refuse(id: number, error: unknown): WriteAnswer {
  if (error instanceof StoreError) {
    return { id, kind: 'error', error: { kind: error.kind, message: error.message } };
  }
  const reason = error instanceof Error ? error.message : String(error);
  const isFull = error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
  const message = `Cannot store: the shared store must take it: writing failed: ${reason}`;
  return { id, kind: 'error', error: { kind: isFull ? 'full' : 'unavailable', message } };
}
