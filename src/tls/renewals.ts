/**
 * The clockwork of renewals: looks at what is due, renews it, asks for renewal windows, and plans
 * the next look. What fails stays in force and is tried again later.
 */

import { describeError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { HostName } from '../names.ts';
import type { Lease } from '../outside/store/leases.ts';
import { AcmeError } from './acme/problem.ts';
import type { Directories } from './directories.ts';
import type { OrderEnd, Orders } from './orders.ts';
import type { StoredCertificate } from './records.ts';
import { backOffMs, windowRenewalMs } from './renewal.ts';
import type { TlsStore } from './store.ts';
import { readChain } from './x509.ts';

export interface RenewalsOptions {
  readonly store: TlsStore;
  readonly orders: Orders;
  readonly directories: Directories;
  readonly journal: Journal;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  readonly random: () => number;
  /** Of all that share the store one looks; left out where nobody else does. */
  readonly lease?: Pick<Lease, 'tryHold' | 'release'>;
  /** A certificate was replaced: what was made of the old one is out of date. */
  readonly onRenewed: () => void;
}

const lookMsMin = 1_000;
const lookMsMax = 60_000;
/** At once: renewals must not crowd out the orders that visitors wait for. */
const renewedAtOnceMax = 4;
const windowsAtOnceMax = 8;
const windowRetryMs = 3_600_000;
/** Where a directory offers no windows, or they hold for very long. */
const windowAskMsMax = 24 * 3_600_000;
/** The owner may bring the record back; until then nothing is spent on the name. */
const notServedRetryMs = 24 * 3_600_000;
const expiredKeptMs = 7 * 24 * 3_600_000;

export class Renewals {
  readonly #options: RenewalsOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    const { lease, journal } = this.#options;
    await lease?.release().catch((error: unknown) => {
      journal.tell('certificates-not-looked-at', { errorDetail: describeError(error) });
    });
  }

  /** One look at what is due now. Never rejects. */
  async look(): Promise<void> {
    const { journal, lease, nowMs, store } = this.#options;
    try {
      if (lease !== undefined && !(await lease.tryHold())) return;
      const atMs = nowMs();
      await store.forgetBefore(atMs - expiredKeptMs);
      const asked = await store.dueForWindow(atMs, windowsAtOnceMax);
      await Promise.all(asked.map((certificate) => this.#askWindow(certificate)));
      const due = await store.dueForRenewal(nowMs(), renewedAtOnceMax);
      await Promise.all(due.map((certificate) => this.#renew(certificate)));
    } catch (error) {
      journal.tell('certificates-not-looked-at', { errorDetail: describeError(error) });
    }
  }

  async #renew(certificate: StoredCertificate): Promise<void> {
    const { journal, nowMs, onRenewed, orders, store } = this.#options;
    const { hostName } = certificate;
    const end = await orders.renew(certificate);
    if (end.kind === 'issued') {
      onRenewed();
      return;
    }
    // The gap to the end of the lifetime is the time there is: never sleep beyond half of it.
    const usualMs = await this.#retryMs(hostName, end);
    const leftMs = Math.max(0, certificate.notAfterMs - nowMs());
    const retryMs = leftMs === 0 ? usualMs : Math.max(60_000, Math.min(usualMs, leftMs / 2));
    await store.setRenewal(hostName, nowMs() + retryMs);
    journal.tell('certificate-not-renewed', { hostName, reason: end.refusal.reason });
  }

  async #retryMs(
    hostName: HostName,
    end: OrderEnd & { readonly kind: 'refused' },
  ): Promise<number> {
    if (end.isOutage === true) return end.refusal.holdsMs;
    const failures = (await this.#options.store.failure(hostName))?.failures;
    return failures === undefined ? notServedRetryMs : backOffMs(failures, this.#options.random());
  }

  async #askWindow(certificate: StoredCertificate): Promise<void> {
    const { directories, journal, nowMs, random, store } = this.#options;
    const { hostName, directoryUrl } = certificate;
    const [leaf] = readChain(certificate.chainPem);
    if (leaf === undefined) return store.setWindowAsk(hostName, nowMs() + windowAskMsMax);
    try {
      const window = await directories.renewalWindow(directoryUrl, leaf);
      const againMs = Math.min(window?.retryAfterMs ?? windowAskMsMax, windowAskMsMax);
      await store.setWindowAsk(hostName, nowMs() + Math.max(60_000, againMs));
      if (window === undefined) return;
      const renewAtMs = windowRenewalMs(window, certificate, random());
      // Within the same window a moment was chosen before: choosing again would drift to its start.
      const isChosen =
        certificate.renewAtMs >= window.startMs && certificate.renewAtMs <= window.endMs;
      if (!isChosen) {
        await store.setRenewal(hostName, Math.min(renewAtMs, certificate.notAfterMs));
      }
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      await store.setWindowAsk(hostName, nowMs() + windowRetryMs);
      journal.tell('renewal-window-unknown', { hostName, reason: error.message });
    }
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { nowMs, store } = this.#options;
    const dueInMs = (store.nextDueMs() ?? Number.POSITIVE_INFINITY) - nowMs();
    const delayMs = Math.min(lookMsMax, Math.max(lookMsMin, dueInMs));
    this.#timer = setTimeout(() => {
      this.#looking = this.look().then(() => this.#schedule());
    }, delayMs);
    this.#timer.unref();
  }
}
