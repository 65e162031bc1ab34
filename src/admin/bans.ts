/**
 * Whom the operator has shut out, kept in `operator.sqlite` of the state directory. Touches that
 * file. A ban is in force at once, holds over restarts and ends by itself where it has an end.
 */
import { closeSync, openSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { network, ValueFault } from '../config/kinds.ts';
import { TerrafirmaError } from '../errors.ts';
import { parseFolderPath, parseHostName, quoteReceived } from '../names.ts';
import { type BanRules, noBans } from '../site/bans.ts';
import { refuse } from './request.ts';

export const banKinds = ['host', 'folder', 'address'] as const;
export type BanKind = (typeof banKinds)[number];

export interface Ban {
  readonly kind: BanKind;
  /** A host name or `*.` and one; a folder key; a network as CIDR. */
  readonly value: string;
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** The same; null: for good. */
  readonly until: string | null;
}

export interface BanBookOptions {
  readonly stateDirectory: string;
  /** Networks of proxies, behind whose address there is everybody. */
  readonly trustedCidrs: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** What is in force has changed. */
  readonly onChange: (rules: BanRules) => void;
  /** Bans that have ended could not be taken out of the file. */
  readonly onTrouble: (error: unknown) => void;
}

const bansMax = 10_000;
const reasonCharsMax = 500;
const busyTimeoutMs = 2_000;
/** A ban ends so much later at most than it should. */
const lookMs = 1_000;

export function operatorPath(stateDirectory: string): string {
  return join(stateDirectory, 'operator.sqlite');
}

export class BanBook {
  readonly #options: BanBookOptions;
  readonly #database: DatabaseSync;
  readonly #timer: NodeJS.Timeout;
  #rules: BanRules = noBans;
  #isTroubleTold = false;

  /** @throws TerrafirmaError `state`. */
  constructor(options: BanBookOptions) {
    this.#options = options;
    const file = operatorPath(options.stateDirectory);
    try {
      // SQLite would make it for everybody to read.
      closeSync(openSync(file, 'a', 0o600));
      this.#database = new DatabaseSync(file, { timeout: busyTimeoutMs });
      this.#database.exec(`
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE IF NOT EXISTS bans (
          kind TEXT NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, since TEXT NOT NULL,
          until TEXT, PRIMARY KEY (kind, value)) STRICT;`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const rule = `Cannot use the list of bans: ${file} must be as a daemon made it`;
      const detail = `${rule}: received ${reason}; put it right, or move it away`;
      throw new TerrafirmaError('state', detail, { cause });
    }
    this.#rules = this.#read();
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
  }

  /** What is in force now. */
  get rules(): BanRules {
    return this.#rules;
  }

  list(): readonly Ban[] {
    const rows = this.#database
      .prepare('SELECT kind, value, reason, since, until FROM bans ORDER BY kind, value')
      .all();
    return rows as unknown as readonly Ban[];
  }

  /** @throws TerrafirmaError `admin-request`. */
  add(wanted: {
    readonly kind: string;
    readonly value: string;
    readonly reason: string;
    readonly until: string | null;
  }): Ban {
    const kind = readKind(wanted.kind);
    const value = this.#readValue(kind, wanted.value);
    if (wanted.reason.length > reasonCharsMax) {
      refuse(`"reason" must have at most ${reasonCharsMax} characters`, wanted.reason.length);
    }
    const known = this.#database.prepare('SELECT count(*) AS count FROM bans').get();
    if (Number(known?.count) >= bansMax) refuse(`there may be ${bansMax} bans`, 'one more');
    const nowMs = this.#options.nowMs();
    const since = new Date(nowMs).toISOString();
    const until = readEnd(wanted.until, nowMs);
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO bans (kind, value, reason, since, until) VALUES (?, ?, ?, ?, ?)',
      )
      .run(kind, value, wanted.reason, since, until);
    this.#change();
    return { kind, value, reason: wanted.reason, since, until };
  }

  /** False: there was no such ban. */
  remove(wanted: { readonly kind: string; readonly value: string }): boolean {
    const kind = readKind(wanted.kind);
    const value = this.#readValue(kind, wanted.value);
    const { changes } = this.#database
      .prepare('DELETE FROM bans WHERE kind = ? AND value = ?')
      .run(kind, value);
    if (changes === 0) return false;
    this.#change();
    return true;
  }

  /** May be called again. */
  close(): void {
    clearInterval(this.#timer);
    if (this.#database.isOpen) this.#database.close();
  }

  /** Somebody else may write to the file, or the disk be full: no reason to end the daemon. */
  #look(): void {
    try {
      this.#forgetEnded();
      this.#isTroubleTold = false;
    } catch (error) {
      if (!this.#isTroubleTold) this.#options.onTrouble(error);
      this.#isTroubleTold = true;
    }
  }

  #forgetEnded(): void {
    const now = new Date(this.#options.nowMs()).toISOString();
    // To write takes the file for itself, and waits for who has it: not each second for nothing.
    const ended = this.list().some(({ until }) => until !== null && until <= now);
    if (!ended) return;
    const { changes } = this.#database
      .prepare('DELETE FROM bans WHERE until IS NOT NULL AND until <= ?')
      .run(now);
    if (changes > 0) this.#change();
  }

  #change(): void {
    this.#rules = this.#read();
    this.#options.onChange(this.#rules);
  }

  #read(): BanRules {
    const now = new Date(this.#options.nowMs()).toISOString();
    const bans = this.list().filter(({ until }) => until === null || until > now);
    const of = (wanted: BanKind): readonly string[] =>
      bans.flatMap(({ kind, value }) => (kind === wanted ? [value] : []));
    return { hosts: of('host'), folders: of('folder'), addresses: of('address') };
  }

  /** In the one spelling that requests are compared with. */
  #readValue(kind: BanKind, value: string): string {
    try {
      if (kind === 'host') {
        return value.startsWith('*.') ? `*.${parseHostName(value.slice(2))}` : parseHostName(value);
      }
      if (kind === 'folder') return readFolder(value);
      const cidr = network.parse(value, '');
      return requireNoProxy(cidr, this.#options.trustedCidrs);
    } catch (error) {
      if (error instanceof ValueFault) refuse(`an address ${error.rule}`, value);
      if (error instanceof TerrafirmaError && error.code !== 'admin-request') {
        refuse(error.message, value);
      }
      throw error;
    }
  }
}

/** A folder served by its path has a key that no TXT record could name. */
function readFolder(value: string): string {
  if (value.startsWith('/local/')) return value;
  return parseFolderPath(value).key;
}

function readKind(kind: string): BanKind {
  const known = banKinds.find((each) => each === kind);
  return known ?? refuse(`"kind" must be one of ${banKinds.join(', ')}`, kind);
}

function readEnd(until: string | null, nowMs: number): string | null {
  if (until === null) return null;
  const atMs = Date.parse(until);
  if (!Number.isFinite(atMs) || atMs <= nowMs) {
    refuse('"until" must be a time to come, such as 2030-01-31T12:00:00Z', until);
  }
  return new Date(atMs).toISOString();
}

/** A ban of a proxy would be one of everybody. */
function requireNoProxy(cidr: string, trustedCidrs: readonly string[]): string {
  const overlapping = trustedCidrs.find((trusted) => overlap(cidr, trusted));
  if (overlapping === undefined) return cidr;
  const rule = `an address must be none of a trusted proxy (${overlapping})`;
  return refuse(rule, quoteReceived(cidr));
}

function overlap(one: string, other: string): boolean {
  const [address = '', bits = ''] = one.split('/');
  const [otherAddress = '', otherBits = ''] = other.split('/');
  if (isIP(address) !== isIP(otherAddress)) return false;
  const shared = Math.min(Number(bits), Number(otherBits));
  return bitsOf(address).slice(0, shared) === bitsOf(otherAddress).slice(0, shared);
}

function bitsOf(address: string): string {
  if (isIP(address) === 4) {
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  }
  const { hostname } = new URL(`http://[${address}]`);
  const [before = '', after] = hostname.slice(1, -1).split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail]
    .map((part) => Number.parseInt(part, 16).toString(2).padStart(16, '0'))
    .join('');
}
