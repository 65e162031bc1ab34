/**
 * Orders of certificates: equal ones joined, refused ones remembered, failed ones left alone for a
 * while, and never one that admission and the gate have not let pass.
 */
import { X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Counts } from '../account/counts.ts';
import { mayHold } from '../account/threshold.ts';
import type { Limits } from '../config/config.ts';
import { describeError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { type FolderKey, type HostName, type OwnerKey, ownerOf } from '../names.ts';
import type { Lease } from '../outside/store/leases.ts';
import { AcmeError } from './acme/problem.ts';
import type { Admission } from './admission.ts';
import type { Directories, DirectoryIssue } from './directories.ts';
import type { Admitted, GateLimits, OrderGate, Refusal } from './gate.ts';
import type { StoredCertificate } from './records.ts';
import { backOffMs, plannedRenewalMs } from './renewal.ts';
import type { TlsStore } from './store.ts';
import { readChain } from './x509.ts';

/** A node that dies while it orders keeps others from it for so long, and two seconds. */
export const orderLockMs = 30_000;

export type OrderLimits = GateLimits &
  Pick<Limits, 'ordersInFlightMax' | 'certificatesMax' | 'certificateWaitMs'>;

export interface OrdersOptions {
  readonly limits: OrderLimits;
  readonly store: TlsStore;
  readonly admission: Admission;
  readonly gate: OrderGate;
  readonly directories: Directories;
  readonly journal: Journal;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Under which a name is ordered, where other nodes may order it too. */
  readonly lockOf?: (hostName: HostName) => Lease;
  /** Whether the clock agrees with those of other nodes; left out: nobody compares. */
  readonly isClockTrusted?: () => boolean;
}

export type OrderEnd =
  | { readonly kind: 'issued'; readonly certificate: StoredCertificate }
  /** `isOutage`: no authority took the order, or could be reached at all. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly isOutage?: boolean };

/** Names that are refused without being looked at again. */
const refusalsKeptMax = 10_000;
/** Names that are looked at, in DNS and on the disk, at once. */
const lookedAtMax = 1_000;
const reasonsKeptMax = 1_000;
const toldHoldsMs = 600_000;
/** What is counted, and when it ends, would be told from times that the others do not share. */
const clockIsOff: OrderEnd = {
  kind: 'refused',
  refusal: { reason: "this node's clock is 30 s or more from the others'", holdsMs: 60_000 },
  isOutage: true,
};
const busyHoldsMs = 5_000;
const ownErrorHoldsMs = 60_000;
const outageHoldsMs = 60_000;
/** An outage is nobody's fault: soon after its end every name should have its certificate. */
const outageHoldsMsMax = 600_000;
/** How often a lock is looked at that another node has: it may have died. */
const lockLookMs = 5_000;
/**
 * For so long at least, whatever a visitor waits for: given up before a dead node's lock ends,
 * every attempt would see it for too short a time, and none would ever have it.
 */
const lockWaitMsMin = 2 * orderLockMs;
/** A third of the time after which an order's lock ends with its holder. */
const lockRenewMs = orderLockMs / 3;

export class Orders {
  readonly #options: OrdersOptions;
  readonly #underWay = new Map<HostName, Promise<OrderEnd>>();
  readonly #refusals = new LRUCache<HostName, { reason: string; untilMs: number }>({
    max: refusalsKeptMax,
  });
  /** Reasons that were told lately: strangers must not fill the log. */
  readonly #told = new LRUCache<string, true>({ max: reasonsKeptMax, ttl: toldHoldsMs });
  /** Orders under way, by whose folder. */
  readonly #inFlight = new Counts<OwnerKey>();
  #isStopped = false;

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /**
   * A certificate for a name that has none. Joined with an order that is under way.
   *
   * @param clientAddress Who named it in a handshake.
   */
  obtain(hostName: HostName, clientAddress?: string): Promise<OrderEnd> {
    const underWay = this.#underWay.get(hostName);
    if (underWay !== undefined) return underWay;
    const refusal = this.#stillHolds(this.#refusals.get(hostName));
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', refusal });
    if (this.#isStopped || this.#underWay.size >= lookedAtMax) return Promise.resolve(busy());
    if (this.#options.isClockTrusted?.() === false) return Promise.resolve(clockIsOff);
    return this.#join(hostName, () => this.#obtain(hostName, clientAddress));
  }

  /**
   * Another certificate for a name that has one, which stays in force when this fails. The caps are
   * for strangers: a renewal is none of theirs. Its name must still be served here.
   */
  renew(certificate: StoredCertificate): Promise<OrderEnd> {
    const { hostName } = certificate;
    if (this.#options.isClockTrusted?.() === false) return Promise.resolve(clockIsOff);
    return this.#join(hostName, async () => {
      const verdict = await this.#options.admission.judge(hostName);
      if (verdict.kind === 'refused') return verdict;
      const [replaced] = readChain(certificate.chainPem);
      const owner = ownerOf(verdict.folderKey);
      return this.#seated(owner, () => this.#order(hostName, replaced));
    });
  }

  /** From now on nothing is ordered, and what fails is nobody's failure. */
  stop(): void {
    this.#isStopped = true;
    this.#options.store.wakeAll();
  }

  /** Resolves when no order is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  #join(hostName: HostName, start: () => Promise<OrderEnd>): Promise<OrderEnd> {
    const underWay = this.#underWay.get(hostName);
    if (underWay !== undefined) return underWay;
    const work = this.#guarded(hostName, start).finally(() => this.#underWay.delete(hostName));
    this.#underWay.set(hostName, work);
    return work;
  }

  /** An error of ours is no reason to try again at every handshake. */
  async #guarded(hostName: HostName, start: () => Promise<OrderEnd>): Promise<OrderEnd> {
    try {
      return await start();
    } catch (error) {
      const fields = { hostName, errorDetail: describeError(error) };
      this.#options.journal.tell('certificate-order-broken', fields);
      const refusal = { reason: 'an error of the server itself', holdsMs: ownErrorHoldsMs };
      return this.#refuse(hostName, refusal);
    }
  }

  async #obtain(hostName: HostName, clientAddress: string | undefined): Promise<OrderEnd> {
    const { admission, journal, lockOf, store } = this.#options;
    const issued = lockOf && (await this.#issuedElsewhere(hostName));
    if (issued !== undefined) return { kind: 'issued', certificate: issued };
    const failed = this.#stillHolds(await store.failure(hostName));
    if (failed !== undefined) return { kind: 'refused', refusal: failed };
    const verdict = await admission.judge(hostName, clientAddress);
    if (verdict.kind === 'refused') {
      journal.tell('certificate-not-wanted', { hostName, reason: verdict.refusal.reason });
      return this.#refuse(hostName, verdict.refusal);
    }
    const owner = ownerOf(verdict.folderKey);
    if (!this.#hasRoom(owner)) return busy();
    return this.#seated(owner, () => this.#orderCounted(hostName, verdict.folderKey));
  }

  async #orderCounted(hostName: HostName, folderKey: FolderKey): Promise<OrderEnd> {
    const { gate, journal, lockOf } = this.#options;
    const lock = lockOf?.(hostName);
    const admitted = await this.#admitInTurn(hostName, folderKey, lock);
    if (admitted.kind === 'issued') return admitted;
    if (admitted.kind === 'locked') return busy();
    if (admitted.kind === 'refused') {
      this.#tellOnce(hostName, admitted.refusal.reason);
      return this.#refuse(hostName, admitted.refusal);
    }
    const end = await keepHolding(lock, () => this.#order(hostName, undefined, lock));
    await lock?.release().catch((error: unknown) => {
      // It ends by itself.
      journal.tell('acme-trouble', { reason: describeError(error) });
    });
    if (end.kind === 'refused' && end.isOutage === true) await gate.giveBack(admitted.order);
    return end;
  }

  /** Where another node orders the name, its certificate is waited for; or its end. */
  async #admitInTurn(
    hostName: HostName,
    folderKey: FolderKey,
    lock: Lease | undefined,
  ): Promise<Admitted | (OrderEnd & { readonly kind: 'issued' })> {
    const { limits, nowMs, store } = this.#options;
    const untilMs = nowMs() + Math.max(limits.certificateWaitMs, lockWaitMsMin);
    for (;;) {
      const admitted = await this.#admit(hostName, folderKey, lock);
      const isOver = this.#isStopped || nowMs() >= untilMs;
      if (admitted.kind !== 'locked' || isOver) return admitted;
      const restMs = Math.min(untilMs - nowMs(), lock?.restMs ?? lockLookMs);
      await store.changeOf(hostName, Math.min(lockLookMs, Math.max(1, restMs)));
      const issued = await this.#issuedElsewhere(hostName);
      if (issued !== undefined) return { kind: 'issued', certificate: issued };
      const failed = this.#stillHolds(await store.failure(hostName));
      if (failed !== undefined) return { kind: 'refused', refusal: failed };
    }
  }

  async #admit(
    hostName: HostName,
    folderKey: FolderKey,
    lock: Lease | undefined,
  ): Promise<Admitted> {
    const { gate, limits, store } = this.#options;
    if (store.countCertificates() < limits.certificatesMax) {
      return gate.take(hostName, folderKey, lock);
    }
    const reason = `at most ${limits.certificatesMax} certificates are kept`;
    return { kind: 'refused', refusal: { reason, holdsMs: 60_000 } };
  }

  /** A certificate that is good for a while yet, of a directory in force. */
  async #issuedElsewhere(hostName: HostName): Promise<StoredCertificate | undefined> {
    const { directories, nowMs, store } = this.#options;
    const kept = await store.certificate(hostName);
    const isGood = kept !== undefined && kept.notAfterMs > nowMs();
    return isGood && directories.urls.includes(kept.directoryUrl) ? kept : undefined;
  }

  /** Names whose proof takes long must not keep those of others waiting. */
  #hasRoom(owner: OwnerKey): boolean {
    const { ordersInFlightMax: max } = this.#options.limits;
    return mayHold({ max, held: this.#inFlight.total, own: this.#inFlight.of(owner), added: 1 });
  }

  /** Does `work` on one of the seats that owners share. */
  async #seated(owner: OwnerKey, work: () => Promise<OrderEnd>): Promise<OrderEnd> {
    this.#inFlight.add(owner, 1);
    try {
      return await work();
    } finally {
      this.#inFlight.add(owner, -1);
    }
  }

  async #order(hostName: HostName, replaced?: X509Certificate, lock?: Lease): Promise<OrderEnd> {
    const { directories, journal, store } = this.#options;
    let isOrdered = false;
    const onOrdered = (): void => {
      isOrdered = true;
    };
    try {
      const attempt = (await store.failure(hostName))?.failures ?? 0;
      const options = { replaces: replaced, attempt, onOrdered };
      const issued = await directories.order(hostName, options);
      const certificate = this.#describe(hostName, issued);
      await store.saveCertificate(certificate, lock);
      this.#refusals.delete(hostName);
      const notAfter = new Date(certificate.notAfterMs).toISOString();
      journal.tell('certificate-issued', { hostName, directory: issued.directoryUrl, notAfter });
      return { kind: 'issued', certificate };
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      const isOutage = !isOrdered && (error.fault === 'unavailable' || error.scope === 'directory');
      if (error.scope === 'directory') return this.#suspend(hostName, error, isOutage);
      return await this.#fail(hostName, error, { isOutage, lock });
    }
  }

  #describe(hostName: HostName, issued: DirectoryIssue): StoredCertificate {
    const { nowMs, random } = this.#options;
    const issuedAtMs = nowMs();
    const leaf = new X509Certificate(issued.chainPem);
    const notAfterMs = Date.parse(leaf.validTo);
    const { chainPem, keyPem, directoryUrl } = issued;
    const renewAtMs = plannedRenewalMs({ issuedAtMs, notAfterMs }, random());
    return {
      ...{ hostName, chainPem, keyPem, directoryUrl },
      ...{ issuedAtMs, notAfterMs, renewAtMs, windowAskAtMs: issuedAtMs },
    };
  }

  /** It is no failure of the name's: it may be ordered as soon as a directory is back. */
  #suspend(hostName: HostName, error: AcmeError, isOutage: boolean): OrderEnd {
    if (this.#isStopped) return busy();
    const { message: reason, retryAfterMs = outageHoldsMs } = error;
    const holdsMs = Math.min(Math.max(retryAfterMs, busyHoldsMs), outageHoldsMsMax);
    this.#tellOnce(hostName, reason);
    return { ...this.#refuse(hostName, { reason, holdsMs }), isOutage };
  }

  #tellOnce(hostName: HostName, reason: string): void {
    if (!this.#told.has(reason)) {
      this.#options.journal.tell('certificate-not-ordered', { hostName, reason });
    }
    this.#told.set(reason, true);
  }

  async #fail(
    hostName: HostName,
    error: AcmeError,
    { isOutage, lock }: { readonly isOutage: boolean; readonly lock: Lease | undefined },
  ): Promise<OrderEnd> {
    if (this.#isStopped) return busy();
    const { journal, nowMs, random, store } = this.#options;
    const failures = ((await store.failure(hostName))?.failures ?? 0) + 1;
    const usualMs = Math.max(backOffMs(failures, random()), error.retryAfterMs ?? 0);
    const restMs = isOutage ? Math.min(usualMs, outageHoldsMsMax) : usualMs;
    const reason = error.message;
    await store.noteFailure(hostName, { failures, untilMs: nowMs() + restMs, reason }, lock);
    const nextTryInMs = Math.round(restMs);
    journal.tell('certificate-order-failed', { hostName, failures, reason, nextTryInMs });
    return { kind: 'refused', refusal: { reason, holdsMs: restMs }, isOutage };
  }

  /** Refused lately, or failed and to be left alone: the latter holds over a restart. */
  #stillHolds(known: { reason: string; untilMs: number } | undefined): Refusal | undefined {
    const nowMs = this.#options.nowMs();
    if (known === undefined || known.untilMs <= nowMs) return undefined;
    return { reason: known.reason, holdsMs: known.untilMs - nowMs };
  }

  #refuse(hostName: HostName, refusal: Refusal): OrderEnd & { readonly kind: 'refused' } {
    const { reason, holdsMs } = refusal;
    this.#refusals.set(hostName, { reason, untilMs: this.#options.nowMs() + holdsMs });
    return { kind: 'refused', refusal };
  }
}

/** Does `work` while the lock is renewed in time. A lock that is lost is noticed at the commit. */
async function keepHolding<T>(lock: Lease | undefined, work: () => Promise<T>): Promise<T> {
  if (lock === undefined) return work();
  let renewing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    renewing = lock.tryHold().catch(() => false);
  }, lockRenewMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await renewing;
  }
}

function busy(): OrderEnd {
  const refusal = { reason: 'too many certificates are being ordered', holdsMs: busyHoldsMs };
  return { kind: 'refused', refusal };
}
