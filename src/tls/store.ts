/**
 * Edge: `tls.sqlite` in the state directory: account keys, certificates, and what was ordered when.
 * Certificates are no cache: they cost the operator's quota. SQLite writes each change whole or not
 * at all, also when the process is killed; the file is readable by its owner alone.
 */
import { chmodSync, closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TerrafirmaError } from '../errors.ts';
import type { FolderKey, HostName, OwnerKey } from '../names.ts';

export interface StoredCertificate {
  readonly hostName: HostName;
  readonly chainPem: string;
  readonly keyPem: string;
  /** Which directory issued it. */
  readonly directoryUrl: string;
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
  readonly renewAtMs: number;
  /** When to ask the directory for its renewal window again. */
  readonly windowAskAtMs: number;
}

export interface OrderEntry {
  readonly atMs: number;
  readonly hostName: HostName;
  readonly registeredName: string;
  readonly folderKey: FolderKey;
}

export interface FailureEntry {
  readonly failures: number;
  readonly untilMs: number;
  readonly reason: string;
}

const fileName = 'tls.sqlite';
const schemaVersion = 1;
const schema = `
  CREATE TABLE IF NOT EXISTS accounts (directory TEXT PRIMARY KEY, key_pem TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS certificates (
    host_name TEXT PRIMARY KEY, chain_pem TEXT NOT NULL, key_pem TEXT NOT NULL,
    directory TEXT NOT NULL, issued_at INTEGER NOT NULL, not_after INTEGER NOT NULL,
    renew_at INTEGER NOT NULL, window_ask_at INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS certificates_renew ON certificates (renew_at);
  CREATE INDEX IF NOT EXISTS certificates_window ON certificates (window_ask_at);
  CREATE TABLE IF NOT EXISTS orders (
    at INTEGER NOT NULL, host_name TEXT NOT NULL, registered_name TEXT NOT NULL,
    folder TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS orders_at ON orders (at);
  CREATE INDEX IF NOT EXISTS orders_name ON orders (registered_name, at);
  CREATE INDEX IF NOT EXISTS orders_folder ON orders (folder, at);
  CREATE TABLE IF NOT EXISTS failures (
    host_name TEXT PRIMARY KEY, failures INTEGER NOT NULL, until INTEGER NOT NULL,
    reason TEXT NOT NULL);
`;

export class TlsStore {
  readonly #database: DatabaseSync;
  /** Where a damaged file was put aside at the opening; undefined when all was well. */
  readonly damagedFile: string | undefined;

  private constructor(database: DatabaseSync, damagedFile: string | undefined) {
    this.#database = database;
    this.damagedFile = damagedFile;
  }

  /**
   * Opens the store, and makes it where it is missing. A damaged file is put aside: the names order
   * again, which is better than a daemon that does not start.
   *
   * @throws TerrafirmaError `state` when the file cannot be used at all.
   */
  static open(stateDirectory: string, nowMs: number): TlsStore {
    const file = join(stateDirectory, fileName);
    try {
      return new TlsStore(openDatabase(file), undefined);
    } catch (error) {
      if (!existsSync(file) || !isDamage(error)) throw unusable(file, error);
    }
    const aside = `${file}.damaged-${nowMs}`;
    try {
      renameSync(file, aside);
      for (const ending of ['-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });
      return new TlsStore(openDatabase(file), aside);
    } catch (error) {
      throw unusable(file, error);
    }
  }

  close(): void {
    this.#database.close();
  }

  accountKeyPem(directoryUrl: string): string | undefined {
    const row = this.#get('SELECT key_pem FROM accounts WHERE directory = ?', directoryUrl);
    return row === undefined ? undefined : String(row.key_pem);
  }

  saveAccountKey(directoryUrl: string, keyPem: string): void {
    this.#run('INSERT OR REPLACE INTO accounts VALUES (?, ?)', directoryUrl, keyPem);
  }

  certificate(hostName: HostName): StoredCertificate | undefined {
    const row = this.#get('SELECT * FROM certificates WHERE host_name = ?', hostName);
    return row === undefined ? undefined : readCertificate(row);
  }

  /** Keeps a certificate for good; what was remembered of failures of its name is forgotten. */
  saveCertificate(certificate: StoredCertificate): void {
    const { hostName, chainPem, keyPem, directoryUrl } = certificate;
    const { issuedAtMs, notAfterMs, renewAtMs, windowAskAtMs } = certificate;
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#run(
        'INSERT OR REPLACE INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        ...[hostName, chainPem, keyPem, directoryUrl],
        ...[issuedAtMs, notAfterMs, renewAtMs, windowAskAtMs].map(Math.round),
      );
      this.#run('DELETE FROM failures WHERE host_name = ?', hostName);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  setRenewal(hostName: HostName, renewAtMs: number): void {
    const text = 'UPDATE certificates SET renew_at = ? WHERE host_name = ?';
    this.#run(text, Math.round(renewAtMs), hostName);
  }

  setWindowAsk(hostName: HostName, windowAskAtMs: number): void {
    const text = 'UPDATE certificates SET window_ask_at = ? WHERE host_name = ?';
    this.#run(text, Math.round(windowAskAtMs), hostName);
  }

  /** Certificates to renew by `nowMs`, the most urgent first. */
  dueForRenewal(nowMs: number, countMax: number): readonly StoredCertificate[] {
    const text = 'SELECT * FROM certificates WHERE renew_at <= ? ORDER BY not_after LIMIT ?';
    return this.#all(text, nowMs, countMax).map(readCertificate);
  }

  /** Certificates whose renewal window is to be asked for by `nowMs`. */
  dueForWindow(nowMs: number, countMax: number): readonly StoredCertificate[] {
    const text =
      'SELECT * FROM certificates WHERE window_ask_at <= ? ORDER BY window_ask_at LIMIT ?';
    return this.#all(text, nowMs, countMax).map(readCertificate);
  }

  /** When something is due next; undefined when there are no certificates. */
  nextDueMs(): number | undefined {
    const row = this.#get('SELECT MIN(MIN(renew_at, window_ask_at)) AS next FROM certificates');
    return row?.next === null || row === undefined ? undefined : Number(row.next);
  }

  countCertificates(): number {
    return Number(this.#get('SELECT COUNT(*) AS n FROM certificates')?.n ?? 0);
  }

  /** Forgets what no rule asks about any more. */
  forgetBefore(limits: { readonly expiredMs: number; readonly ordersMs: number }): void {
    this.#run('DELETE FROM certificates WHERE not_after < ?', limits.expiredMs);
    this.#run('DELETE FROM orders WHERE at < ?', limits.ordersMs);
    this.#run('DELETE FROM failures WHERE until < ?', limits.ordersMs);
  }

  noteOrder(order: OrderEntry): void {
    const { atMs, hostName, registeredName, folderKey } = order;
    this.#run('INSERT INTO orders VALUES (?, ?, ?, ?)', atMs, hostName, registeredName, folderKey);
  }

  /** The newest order of the name was none after all. */
  forgetLastOrder(hostName: HostName): void {
    const last = 'SELECT rowid FROM orders WHERE host_name = ? ORDER BY at DESC LIMIT 1';
    this.#run(`DELETE FROM orders WHERE rowid = (${last})`, hostName);
  }

  /** Orders since `sinceMs`: all, those of a registered name, of a folder, of an owner. */
  countOrders(
    sinceMs: number,
    of:
      | { readonly registeredName: string }
      | { readonly folderKey: FolderKey }
      | { readonly owner: OwnerKey }
      | 'all',
  ): number {
    const text = 'SELECT COUNT(*) AS n FROM orders WHERE at > ?';
    if (of === 'all') return Number(this.#get(text, sinceMs)?.n ?? 0);
    if ('owner' in of) {
      // An owner is a folder and all that lies below it.
      const below = `${text} AND (folder = ? OR substr(folder, 1, ?) = ?)`;
      const start = `${of.owner}/`;
      return Number(this.#get(below, sinceMs, of.owner, start.length, start)?.n ?? 0);
    }
    const [column, value] =
      'folderKey' in of ? ['folder', of.folderKey] : ['registered_name', of.registeredName];
    return Number(this.#get(`${text} AND ${column} = ?`, sinceMs, value)?.n ?? 0);
  }

  failure(hostName: HostName): FailureEntry | undefined {
    const row = this.#get('SELECT * FROM failures WHERE host_name = ?', hostName);
    if (row === undefined) return undefined;
    const { failures, until, reason } = row;
    return { failures: Number(failures), untilMs: Number(until), reason: String(reason) };
  }

  noteFailure(hostName: HostName, failure: FailureEntry): void {
    const { failures, untilMs, reason } = failure;
    const text = 'INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)';
    this.#run(text, hostName, failures, Math.round(untilMs), reason);
  }

  #get(text: string, ...values: readonly (string | number)[]): Row | undefined {
    return this.#database.prepare(text).get(...values);
  }

  #all(text: string, ...values: readonly (string | number)[]): readonly Row[] {
    return this.#database.prepare(text).all(...values);
  }

  #run(text: string, ...values: readonly (string | number)[]): void {
    this.#database.prepare(text).run(...values);
  }
}

type Row = Readonly<Record<string, unknown>>;

function readCertificate(row: Row): StoredCertificate {
  return {
    hostName: row.host_name as HostName,
    chainPem: String(row.chain_pem),
    keyPem: String(row.key_pem),
    directoryUrl: String(row.directory),
    issuedAtMs: Number(row.issued_at),
    notAfterMs: Number(row.not_after),
    renewAtMs: Number(row.renew_at),
    windowAskAtMs: Number(row.window_ask_at),
  };
}

function openDatabase(file: string): DatabaseSync {
  // SQLite gives its files beside this one the same permissions.
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    const check = database.prepare('PRAGMA quick_check(1)').get();
    if (check?.quick_check !== 'ok') throw new Error('database disk image is malformed');
    const version = database.prepare('PRAGMA user_version').get()?.user_version;
    if (Number(version) > schemaVersion) throw new Error('it was written by a newer version');
    database.exec(`${schema} PRAGMA user_version = ${schemaVersion};`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && /malformed|not a database/.test(error.message);
}

function unusable(file: string, cause: unknown): TerrafirmaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const detail = `Cannot use the certificates: ${file} must be a file of ours: received ${reason}`;
  return new TerrafirmaError('state', detail, { cause });
}
