/**
 * Host name → folder, by TXT record (docs/spec/folders.md, 1); and name resolution for guests.
 * Strangers choose the records and the questions: equal lookups are joined, answers and failures
 * are cached, and all of it is bounded, so that nobody can make the daemon ask or remember without
 * end.
 * The network is touched by `dns/exchange.ts`; `dns/wire.ts` reads what comes from it.
 */
import { isIP } from 'node:net';
import type { DnsConfig, Endpoint, Limits } from '../../config/config.ts';
import { TerrafirmaError, type TerrafirmaErrorOptions } from '../../errors.ts';
import {
  clientNetwork,
  type FolderPath,
  type HostName,
  noRecord,
  type OwnerKey,
  parseRecord,
  quoteReceived,
} from '../../names.ts';
import { askForRecords, type Records } from './ask.ts';
import { exchangeMessage } from './exchange.ts';
import { type Lookup, LookupCache } from './lookup-cache.ts';
import { readSystemServers } from './servers.ts';
import { LookupShares, type Seat, type ShareLimits } from './shares.ts';
import { checkGuestQuery, type DnsQuestion, MalformedMessageError, rcodeOf } from './wire.ts';

export type ResolverLimits = ShareLimits &
  Pick<
    Limits,
    | 'dnsTimeoutMs'
    | 'dnsAttemptsMax'
    | 'dnsCacheEntriesMax'
    | 'dnsTtlFloorMs'
    | 'dnsTtlCeilingMs'
    | 'verdictWaitMs'
  >;

export interface ResolverOptions {
  readonly dns: DnsConfig;
  readonly limits: ResolverLimits;
  readonly nowMs: () => number;
  /** The servers to ask when `dns.servers` names none: those of the system. */
  readonly readServers?: () => Promise<readonly Endpoint[]>;
}

const guestReplyBytesMax = 65_535;
const nameCharsMax = 253;
const addressesMax = 64;
const guestName = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_](?:[a-z0-9_-]{0,62})$/;
/**
 * An SOA may say that a missing name is missing for a day; an owner who has just set the record
 * should not wait for that, and our asking costs only the upstream's cache.
 */
const negativeTtlMsMax = 60_000;
/**
 * The part of a request's waiting time that looking up the record may take. It ends before the
 * wait does, so that the visitor reads that the DNS servers are silent, not that time is up.
 */
const recordWaitShare = 0.8;
/** A laptop changes its network, a DHCP lease its servers. */
const systemServersTtlMs = 30_000;
/** RFC 1035, section 4.1.1. */
const rcodes = { noError: 0, noSuchName: 3 };

export type { Lookup };

export class Resolver {
  /** Questions since the start, by what they came to. */
  readonly counts = { found: 0, empty: 0, failed: 0, timeout: 0 };
  readonly #options: ResolverOptions;
  #dns: DnsConfig;
  readonly #records: LookupCache<FolderPath>;
  /** Apart from the records: what guests ask for must not push out what visitors need. */
  readonly #addresses: LookupCache<readonly Uint8Array[]>;
  readonly #shares: LookupShares;
  #systemServers: { readonly servers: readonly Endpoint[]; readonly expiresAtMs: number };

  /** @throws TerrafirmaError `config` for a server that is not an IP address. */
  constructor(options: ResolverOptions) {
    requireAddresses(options.dns);
    this.#dns = options.dns;
    this.#options = options;
    const { limits, nowMs } = options;
    this.#records = new LookupCache({ entriesMax: limits.dnsCacheEntriesMax, nowMs });
    this.#addresses = new LookupCache({ entriesMax: limits.dnsCacheEntriesMax, nowMs });
    this.#shares = new LookupShares(limits, nowMs);
    this.#systemServers = { servers: [], expiresAtMs: Number.NEGATIVE_INFINITY };
  }

  /**
   * The folder that the host name's record names. The second record name is asked only when the
   * first has no TXT record or cannot be looked up. All of it ends before `verdictWaitMs` does.
   * Never rejects: failures are `no-record`, `bad-record`, `dns-failed`, `dns-timeout`, and
   * `overloaded` where the zone or the client has more than its share of look-ups under way.
   *
   * @param clientAddress Of the visitor for whom a name is looked up that may be made up.
   */
  async record(hostName: HostName, clientAddress?: string): Promise<Lookup<FolderPath>> {
    const isKnown = this.#records.peek(hostName)?.kind === 'found';
    const asker = clientAddress === undefined ? undefined : clientNetwork(clientAddress);
    const seat = { name: hostName, asker, isGuest: false, isKnown };
    try {
      return await this.#records.get(hostName, () =>
        this.#shares.run(seat, () => this.#lookUpRecord(hostName), endOf),
      );
    } catch (error) {
      // No room: not remembered, as the next moment may have some.
      if (error instanceof TerrafirmaError) return this.#failure(error, 0);
      throw error;
    }
  }

  /**
   * Whom to ask, and for what, from now on; answers that are known hold for their time.
   *
   * @throws TerrafirmaError `config` for a server that is not an IP address.
   */
  setDns(dns: DnsConfig): void {
    requireAddresses(dns);
    this.#dns = dns;
  }

  /** What was learned of the host name's record last, whether it still holds or not. */
  known(hostName: HostName): Lookup<FolderPath> | undefined {
    return this.#records.peek(hostName);
  }

  /** The next visitor has the record looked up anew. */
  forget(hostName: HostName): void {
    this.#records.forget(hostName);
  }

  /**
   * The addresses of a name, 4 or 16 bytes each, at most 64. Neither /etc/hosts nor search domains
   * are looked at: a guest should see the public name space.
   *
   * @throws TerrafirmaError `dns-failed` (also when there is no such name), `dns-timeout`,
   * `overloaded`.
   *
   * @param owner Whose guest asks; undefined: the daemon itself.
   */
  async addresses(name: string, family: 4 | 6, owner?: OwnerKey): Promise<readonly Uint8Array[]> {
    const undotted = (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
    if (undotted.length > nameCharsMax || !guestName.test(undotted)) {
      throw failed(`it must be a domain name: received ${quoteReceived(name)}`);
    }
    const lookup = await this.#addresses.get(`${family} ${undotted}`, () =>
      this.#shares.run(
        guestSeat(undotted, owner),
        () => this.#lookUpAddresses(undotted, family),
        endOf,
      ),
    );
    if (lookup.kind === 'failure') throw lookup.error;
    return lookup.value;
  }

  /**
   * Sends a guest's own message (RFC 1035, section 4) and resolves to the reply under the guest's
   * id, whatever its rcode. Neither cached nor joined.
   *
   * @throws TerrafirmaError `dns-failed` (also for a query that is not allowed), `dns-timeout`,
   * `overloaded`.
   */
  async exchange(query: Uint8Array, owner?: OwnerKey): Promise<Uint8Array> {
    let name: string;
    try {
      name = checkGuestQuery(query);
    } catch (error) {
      if (error instanceof MalformedMessageError) throw failed(error.message, { cause: error });
      throw error;
    }
    const send = async (): Promise<Uint8Array> =>
      exchangeMessage(query, {
        servers: await this.#servers(),
        timeoutMs: this.#options.limits.dnsTimeoutMs,
        attemptsMax: this.#options.limits.dnsAttemptsMax,
        replyBytesMax: guestReplyBytesMax,
        isUsable: (reply) => Object.values(rcodes).includes(rcodeOf(reply)),
      });
    return this.#shares.run(guestSeat(name, owner), send, (reply) =>
      rcodeOf(reply) === 0 ? 'hit' : 'miss',
    );
  }

  /**
   * What the servers say now, for people who look at it: neither cached nor counted.
   *
   * @throws TerrafirmaError `dns-failed`, `dns-timeout`.
   */
  async ask(question: DnsQuestion, budgetMs = Number.POSITIVE_INFINITY): Promise<Records> {
    const { limits } = this.#options;
    const { counts } = this;
    try {
      const servers = await this.#servers();
      const records = await askForRecords(question, { servers, limits, budgetMs });
      counts[records.kind] += 1;
      return records;
    } catch (error) {
      const isTimeout = error instanceof TerrafirmaError && error.code === 'dns-timeout';
      counts[isTimeout ? 'timeout' : 'failed'] += 1;
      throw error;
    }
  }

  async #lookUpRecord(hostName: HostName): Promise<Lookup<FolderPath>> {
    const { recordNames, recordKey } = this.#dns;
    const waitMs = this.#options.limits.verdictWaitMs * recordWaitShare;
    const budgetMs = waitMs / recordNames.length;
    let failure: TerrafirmaError | undefined;
    let ttlMs = negativeTtlMsMax;
    for (const label of recordNames) {
      const recordName = `${label}.${hostName}`;
      const records = await this.#settle({ name: recordName, type: 'TXT' }, budgetMs);
      if (records instanceof TerrafirmaError) {
        failure ??= records;
        continue;
      }
      if (records.kind === 'empty') {
        ttlMs = Math.min(ttlMs, this.#negativeTtlMs(records.ttlS));
        continue;
      }
      const found = this.#readRecord(records, recordKey, recordName);
      // The name whose servers failed comes first: nobody can say what it would have answered.
      if (failure === undefined || found.kind === 'found') return found;
    }
    if (failure !== undefined) {
      return this.#failure(failure, this.#options.limits.dnsFailureTtlMs);
    }
    const recordName = `${recordNames[0] ?? ''}.${hostName}`;
    return this.#failure(noRecord(recordName, recordKey), ttlMs);
  }

  #readRecord(
    records: Records & { kind: 'found' },
    key: string,
    recordName: string,
  ): Lookup<FolderPath> {
    const ttlMs = this.#boundTtlMs(records.ttlS);
    const values = records.records.map((record) => Buffer.from(record).toString('utf8'));
    try {
      const value = parseRecord(values, key, recordName);
      return { kind: 'found', value, expiresAtMs: this.#options.nowMs() + ttlMs };
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      return this.#failure(error, Math.min(ttlMs, negativeTtlMsMax));
    }
  }

  async #lookUpAddresses(name: string, family: 4 | 6): Promise<Lookup<readonly Uint8Array[]>> {
    const records = await this.#settle({ name, type: family === 4 ? 'A' : 'AAAA' });
    if (records instanceof TerrafirmaError) {
      return this.#failure(records, this.#options.limits.dnsFailureTtlMs);
    }
    if (records.kind === 'empty') {
      const dnsRcode = records.isNoName ? rcodes.noSuchName : rcodes.noError;
      const reason = `it has no IPv${family} address: received ${quoteReceived(name)}`;
      const error = failed(reason, { dnsRcode });
      return this.#failure(error, this.#negativeTtlMs(records.ttlS));
    }
    const value = records.records.slice(0, addressesMax);
    const expiresAtMs = this.#options.nowMs() + this.#boundTtlMs(records.ttlS);
    return { kind: 'found', value, expiresAtMs };
  }

  /** `ask` with the servers' failures as values, so that a caller can go on to the next name. */
  async #settle(question: DnsQuestion, budgetMs?: number): Promise<Records | TerrafirmaError> {
    try {
      return await this.ask(question, budgetMs);
    } catch (error) {
      if (error instanceof TerrafirmaError) return error;
      throw error;
    }
  }

  async #servers(): Promise<readonly Endpoint[]> {
    const { nowMs, readServers = readSystemServers } = this.#options;
    const dns = this.#dns;
    if (dns.servers.length > 0) return dns.servers;
    if (nowMs() < this.#systemServers.expiresAtMs) return this.#systemServers.servers;
    const servers = await readServers();
    this.#systemServers = { servers, expiresAtMs: nowMs() + systemServersTtlMs };
    return servers;
  }

  #failure(error: TerrafirmaError, ttlMs: number): Lookup<never> {
    return { kind: 'failure', error, expiresAtMs: this.#options.nowMs() + ttlMs };
  }

  #boundTtlMs(ttlS: number): number {
    const { dnsTtlFloorMs, dnsTtlCeilingMs } = this.#options.limits;
    return Math.min(Math.max(ttlS * 1_000, dnsTtlFloorMs), dnsTtlCeilingMs);
  }

  #negativeTtlMs(ttlS: number | undefined): number {
    if (ttlS === undefined) return this.#options.limits.dnsFailureTtlMs;
    return Math.min(this.#boundTtlMs(ttlS), negativeTtlMsMax);
  }
}

/** @throws TerrafirmaError `config`. */
function requireAddresses({ servers }: DnsConfig): void {
  for (const { host } of servers) {
    if (isIP(host) !== 0) continue;
    const detail = 'Cannot use the DNS server: it must be an IP address';
    throw new TerrafirmaError('config', `${detail}: received ${quoteReceived(host)}`);
  }
}

function guestSeat(name: string, owner: OwnerKey | undefined): Seat {
  return { name, asker: owner, isGuest: owner !== undefined, isKnown: false };
}

/** What a look-up came to, for the shares. */
function endOf(lookup: Lookup<unknown>): 'hit' | 'miss' | 'silence' {
  if (lookup.kind === 'found') return 'hit';
  return lookup.error.code === 'dns-timeout' ? 'silence' : 'miss';
}

function failed(reason: string, options?: TerrafirmaErrorOptions): TerrafirmaError {
  return new TerrafirmaError('dns-failed', `Cannot look up the name: ${reason}`, options);
}
