/**
 * Account keys, certificates, and what was ordered when: in the shared store. Certificates are no
 * cache: they cost the operator's quota. What is due is known in memory, and kept true by a watch.
 * All promises reject with StoreError alone.
 */
import {
  addToBuckets,
  type BucketShape,
  countBuckets,
  type TimeBuckets,
} from '../account/time-buckets.ts';
import type { HostName } from '../names.ts';
import type { Notice, Revision, SharedStore, Watch, Write } from '../outside/store/contract.ts';
import type { Claim, Lease } from '../outside/store/leases.ts';
import { type CertificateState, DueIndex } from './due-index.ts';
import {
  bytesOf,
  encode,
  type FailureEntry,
  hostNameOf,
  keys,
  orderedNameOf,
  readBuckets,
  readCertificate,
  readFailure,
  type StoredCertificate,
  certificateSpace as space,
  textOf,
} from './records.ts';

export interface TlsStoreOptions {
  readonly store: SharedStore;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Told what was not read; it is read again at the next change. */
  readonly onTrouble: (error: unknown) => void;
}

/** What is counted: under which key, in which buckets, and how many there may be. */
export interface OrderCount {
  readonly key: Uint8Array;
  readonly shape: BucketShape;
  /** Whether one more is allowed where there are so many, of each that is counted. */
  readonly allows: (counts: readonly number[]) => boolean;
}

const listedAtOnce = 1_000;
const dayMs = 86_400_000;
const failureKeptMs = 7 * dayMs;
const wait = { deadlineMs: 10_000 };
/** Others write the same key now and then; more often in a row it is no accident. */
const triesMax = 100;
const retryMsMin = 10;
const retryMsMax = 50;

export class TlsStore {
  readonly #options: TlsStoreOptions;
  readonly #due = new DueIndex();
  /** Who waits for news of a name. */
  readonly #waiting = new Map<HostName, Set<() => void>>();
  #watch: Watch | undefined;

  private constructor(options: TlsStoreOptions) {
    this.#options = options;
  }

  static async open(options: TlsStoreOptions): Promise<TlsStore> {
    const opened = new TlsStore(options);
    const watch = options.store.watch(space, (notice) => opened.#onNotice(notice));
    opened.#watch = watch;
    try {
      await watch.ready;
      await opened.#readAll();
    } catch (error) {
      watch.close();
      throw error;
    }
    return opened;
  }

  /** The store itself is closed by whoever opened it. */
  close(): void {
    this.#watch?.close();
  }

  /** The directory's account key: the one that is kept, else `make`'s, kept from now on. */
  async accountKeyPem(directoryUrl: string, make: () => string): Promise<string> {
    const key = keys.account(directoryUrl);
    const kept = await this.#read(key);
    if (kept !== undefined) return textOf(kept);
    const made = make();
    const write: Write = { key, op: 'put', value: bytesOf(made), ifRevision: 0 };
    const result = await this.#options.store.commit(space, [write], wait);
    if (result.kind === 'done') return made;
    // Somebody else was first: one account is enough.
    return textOf((await this.#read(key)) ?? bytesOf(made));
  }

  async certificate(hostName: HostName): Promise<StoredCertificate | undefined> {
    const value = await this.#read(keys.certificate(hostName));
    return value === undefined ? undefined : readCertificate(value);
  }

  /**
   * Keeps a certificate for good; what was remembered of failures of its name is forgotten, and the
   * lock under which it was ordered is let go. One that comes late changes nothing that is there.
   */
  async saveCertificate(certificate: StoredCertificate, lock?: Lease): Promise<void> {
    const { hostName } = certificate;
    const rounded = roundTimes(certificate);
    const key = keys.certificate(hostName);
    const put: Write = { key, op: 'put', value: encode(rounded) };
    const forget: Write = { key: keys.failure(hostName), op: 'delete' };
    const { store } = this.#options;
    const release = lock?.takeRelease();
    const isUnlocked = lock === undefined || release === undefined;
    const together = [put, forget, ...(release === undefined ? [] : [release])];
    const late = [{ ...put, ifRevision: 0 }];
    const result = await store.commit(space, lock && isUnlocked ? late : together, wait);
    if (result.kind === 'conflict') await store.commit(space, late, wait);
    this.#due.set(rounded);
  }

  /** Resolves when the name's certificate, failure or lock was written, or after `limitMs`. */
  async changeOf(hostName: HostName, limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    const waiting = this.#waiting.get(hostName) ?? new Set();
    this.#waiting.set(hostName, waiting.add(resolve));
    await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
    if (waiting.size === 0) this.#waiting.delete(hostName);
  }

  /** Whoever waits in `changeOf` looks again. */
  wakeAll(): void {
    this.#wake([...this.#waiting.keys()]);
  }

  setRenewal(hostName: HostName, renewAtMs: number): Promise<void> {
    return this.#update(hostName, { renewAtMs });
  }

  setWindowAsk(hostName: HostName, windowAskAtMs: number): Promise<void> {
    return this.#update(hostName, { windowAskAtMs });
  }

  /** Certificates to renew by `nowMs`, the most urgent first. */
  dueForRenewal(nowMs: number, countMax: number): Promise<readonly StoredCertificate[]> {
    return this.#certificates(this.#due.toRenew(nowMs, countMax));
  }

  /** Certificates whose renewal window is to be asked for by `nowMs`. */
  dueForWindow(nowMs: number, countMax: number): Promise<readonly StoredCertificate[]> {
    return this.#certificates(this.#due.toAsk(nowMs, countMax));
  }

  /** When something is due next; undefined when there are no certificates. */
  nextDueMs(): number | undefined {
    return this.#due.nextMs();
  }

  countCertificates(): number {
    return this.#due.size;
  }

  countStates(): Record<CertificateState, number> {
    return this.#due.countStates(this.#options.nowMs());
  }

  /** Some certificates, by name: those after `after`. */
  async listCertificates(
    after: HostName | undefined,
    countMax: number,
  ): Promise<readonly StoredCertificate[]> {
    const options = { prefix: keys.certificates, limit: countMax };
    const page = await this.#options.store.list(
      space,
      after === undefined ? options : { ...options, after: keys.certificate(after) },
    );
    return await this.#certificates(page.items.flatMap(({ key }) => hostNameOf(key) ?? []));
  }

  /** When the first of them ends; undefined without any. */
  get earliestEndMs(): number | undefined {
    return this.#due.earliestEndMs();
  }

  /** Forgets certificates that were over before `expiredMs`. */
  async forgetBefore(expiredMs: number): Promise<void> {
    for (const hostName of this.#due.overBefore(expiredMs)) {
      const write = { key: keys.certificate(hostName), op: 'delete' } as const;
      await this.#options.store.commit(space, [write], wait);
      this.#due.delete(hostName);
    }
  }

  async failure(hostName: HostName): Promise<FailureEntry | undefined> {
    const value = await this.#read(keys.failure(hostName));
    return value === undefined ? undefined : readFailure(value);
  }

  /** Lets go of the lock under which it was ordered, too. */
  async noteFailure(hostName: HostName, failure: FailureEntry, lock?: Lease): Promise<void> {
    const untilMs = Math.round(failure.untilMs);
    const value = encode({ ...failure, untilMs });
    const ttlMs = Math.max(0, untilMs - this.#options.nowMs()) + failureKeptMs;
    const write: Write = { key: keys.failure(hostName), op: 'put', value, ttlMs };
    const release = lock?.takeRelease();
    const writes = release === undefined ? [write] : [write, release];
    await this.#options.store.commit(space, writes, wait);
  }

  /**
   * Counts one order under all of `counts` and takes its lock, in one commit, or finds the first
   * that allows none; undefined: it is counted. `locked`: somebody else orders it now.
   */
  takeOrder(
    counts: readonly OrderCount[],
    lock?: Lease,
  ): Promise<OrderCount | 'locked' | undefined> {
    const { nowMs } = this.#options;
    return this.#retry<OrderCount | 'locked' | undefined>(async () => {
      const claim = await lock?.claim();
      if (lock !== undefined && claim === undefined) return { value: 'locked' };
      const present = await this.#readCounts(counts);
      const atMs = nowMs();
      const numbers = counts.map(({ shape }, index) =>
        countBuckets(present[index]?.buckets, shape, atMs),
      );
      const full = counts.find(({ allows }) => !allows(numbers));
      if (full !== undefined) return { value: full };
      const result = await this.#count(counts, present, { atMs, amount: 1, claim });
      if (claim !== undefined) lock?.claimed(claim, result?.at(-1));
      return result === undefined ? undefined : { value: undefined };
    });
  }

  /** An order that was counted at `atMs` came to no authority. */
  async giveBackOrder(counts: readonly OrderCount[], atMs: number): Promise<void> {
    await this.#retry(async () => {
      const present = await this.#readCounts(counts);
      const result = await this.#count(counts, present, { atMs, amount: -1 });
      return result === undefined ? undefined : { value: undefined };
    });
  }

  async #readCounts(counts: readonly OrderCount[]): Promise<readonly PresentCount[]> {
    const entries = await this.#options.store.read(
      space,
      counts.map(({ key }) => key),
    );
    return entries.map((entry) => ({
      revision: entry?.revision ?? 0,
      buckets: entry === undefined ? undefined : readBuckets(entry.value),
    }));
  }

  /** The revisions of what was written; undefined: somebody else counted meanwhile. */
  async #count(
    counts: readonly OrderCount[],
    present: readonly PresentCount[],
    order: { readonly atMs: number; readonly amount: number; readonly claim?: Claim | undefined },
  ): Promise<readonly Revision[] | undefined> {
    const writes = counts.map(({ key, shape }, index): Write => {
      const added = addToBuckets(present[index]?.buckets, shape, order);
      const ttlMs = shape.bucketMs * (shape.buckets + 1);
      const ifRevision = present[index]?.revision ?? 0;
      return { key, op: 'put', value: encode(added), ttlMs, ifRevision };
    });
    const claimed = order.claim === undefined ? writes : [...writes, order.claim.write];
    const result = await this.#options.store.commit(space, claimed, wait);
    return result.kind === 'done' ? result.revisions : undefined;
  }

  /** Again after a moment while `attempt` gives nothing. */
  async #retry<T>(attempt: () => Promise<{ readonly value: T } | undefined>): Promise<T> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const done = await attempt();
      if (done !== undefined) return done.value;
      const delayMs = retryMsMin + Math.random() * (retryMsMax - retryMsMin);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
    throw new Error(`Cannot count an order: somebody else wrote ${triesMax} times in between`);
  }

  async #update(hostName: HostName, change: Partial<StoredCertificate>): Promise<void> {
    const key = keys.certificate(hostName);
    await this.#retry(async () => {
      const [entry] = await this.#options.store.read(space, [key]);
      const known = entry === undefined ? undefined : readCertificate(entry.value);
      if (entry === undefined || known === undefined) return { value: undefined };
      const certificate = roundTimes({ ...known, ...change });
      const { revision: ifRevision } = entry;
      const write: Write = { key, op: 'put', value: encode(certificate), ifRevision };
      const result = await this.#options.store.commit(space, [write], wait);
      if (result.kind === 'conflict') return undefined;
      this.#due.set(certificate);
      return { value: undefined };
    });
  }

  async #certificates(names: readonly HostName[]): Promise<readonly StoredCertificate[]> {
    const entries = await this.#options.store.read(space, names.map(keys.certificate));
    return entries.flatMap((entry) =>
      entry === undefined ? [] : (readCertificate(entry.value) ?? []),
    );
  }

  async #read(key: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.#options.store.read(space, [key]))[0]?.value;
  }

  #onNotice(notice: Notice): void {
    this.#wake(notice === 'reset' ? [...this.#waiting.keys()] : [orderedNameOf(notice.key)]);
    const work = notice === 'reset' ? this.#readAll() : this.#readOne(notice.key);
    work.catch(this.#options.onTrouble);
  }

  #wake(names: readonly (HostName | undefined)[]): void {
    for (const name of names) {
      if (name === undefined) continue;
      for (const wake of this.#waiting.get(name) ?? []) wake();
    }
  }

  async #readOne(key: Uint8Array): Promise<void> {
    const hostName = hostNameOf(key);
    if (hostName === undefined) return;
    const certificate = await this.certificate(hostName);
    if (certificate === undefined) this.#due.delete(hostName);
    else this.#due.set(certificate);
  }

  async #readAll(): Promise<void> {
    this.#due.clear();
    for (let after: Uint8Array | undefined; ; ) {
      const options = { prefix: keys.certificates, limit: listedAtOnce };
      const page = await this.#options.store.list(
        space,
        after === undefined ? options : { ...options, after },
      );
      const names = page.items.flatMap(({ key }) => hostNameOf(key) ?? []);
      for (const certificate of await this.#certificates(names)) this.#due.set(certificate);
      after = page.items.at(-1)?.key;
      if (page.isLast) return;
    }
  }
}

interface PresentCount {
  readonly revision: number;
  readonly buckets: TimeBuckets | undefined;
}

function roundTimes(certificate: StoredCertificate): StoredCertificate {
  const { issuedAtMs, notAfterMs, renewAtMs, windowAskAtMs } = certificate;
  return {
    ...certificate,
    issuedAtMs: Math.round(issuedAtMs),
    notAfterMs: Math.round(notAfterMs),
    renewAtMs: Math.round(renewAtMs),
    windowAskAtMs: Math.round(windowAskAtMs),
  };
}
