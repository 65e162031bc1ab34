/**
 * The control plane's answer to "which certificate for this handshake?": the operator's own, else
 * the one that is kept, else one that is ordered now.
 */
import { createHash } from 'node:crypto';
import type { CertificateFiles } from '../config/config.ts';
import type { HostName } from '../names.ts';
import type { CertificateAnswer, CertificatePair } from '../threads/messages.ts';
import type { AcmeOpening, AcmeParts } from './acme-opening.ts';
import { type CertificateState, noneInAnyState, stateAt } from './due-index.ts';
import type { OrderEnd } from './orders.ts';
import type { OwnCertificates } from './own-certificates.ts';
import type { FailureEntry, StoredCertificate } from './records.ts';

export interface CertificatesOptions {
  readonly own: OwnCertificates;
  /** Undefined where the operator wants none ordered. */
  readonly acme: AcmeOpening | undefined;
  /** A certificate was replaced at an operator's word. */
  readonly onRenewed: () => void;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** Without its key. */
export interface KeptCertificate extends Omit<StoredCertificate, 'chainPem' | 'keyPem'> {
  /** Why it was not ordered last, if so. */
  readonly failure: FailureEntry | undefined;
}

export interface CertificateList {
  readonly own: ReturnType<OwnCertificates['list']>;
  readonly kept: readonly KeptCertificate[];
}

export interface CertificateCounts {
  readonly states: Readonly<Record<CertificateState, number>>;
  /** Milliseconds since the Unix epoch; undefined where there is none. */
  readonly earliestEndMs: number | undefined;
}

/** Threads ask again after this; a change is told to them at once. */
const answerHoldsMs = 60_000;
const noneHoldsMsMax = 10_000;
/** While the store cannot be used. */
const awayHoldsMs = 2_000;

export class Certificates {
  readonly #options: CertificatesOptions;

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /**
   * The certificate for a handshake that names `hostName`, or nobody. Waits for an order; the
   * thread that asks has its own limit. Never rejects but for errors of ours.
   */
  async answer(hostName: HostName | undefined, clientAddress?: string): Promise<CertificateAnswer> {
    const { own } = this.#options;
    if (hostName === undefined) {
      const first = own.first();
      if (first !== undefined) return found(first, first.id, answerHoldsMs);
      return none('the handshake must name a host', noneHoldsMsMax);
    }
    const mine = own.find(hostName);
    if (mine !== undefined) return found(mine, mine.id, answerHoldsMs);
    if (this.#options.acme === undefined) {
      return none('no certificate is configured for the name', noneHoldsMsMax);
    }
    const acme = this.#acme;
    if (acme === undefined) {
      return none('the store of certificates cannot be used now', awayHoldsMs);
    }
    const kept = await acme.store.certificate(hostName);
    if (kept !== undefined && this.#isUsable(kept, acme)) return this.#stored(kept);
    const end = await acme.orders.obtain(hostName, clientAddress);
    if (end.kind === 'issued') return this.#stored(end.certificate);
    return none(end.refusal.reason, Math.min(end.refusal.holdsMs, noneHoldsMsMax));
  }

  /** Null for a token that is not shown right now. */
  async httpAnswer(token: string): Promise<string | null> {
    return (await this.#acme?.challenges.httpAnswer(token)) ?? null;
  }

  async alpnCertificate(hostName: HostName): Promise<CertificatePair | null> {
    return (await this.#acme?.challenges.alpnCertificate(hostName)) ?? null;
  }

  /** Those that are kept, by name, and those of the operator's own on the first page. */
  async list(after: HostName | undefined, countMax: number): Promise<CertificateList> {
    const acme = this.#acme;
    const { own } = this.#options;
    const stored = (await acme?.store.listCertificates(after, countMax)) ?? [];
    const kept = stored.map(async ({ chainPem, keyPem, ...facts }): Promise<KeptCertificate> => {
      const failure = await acme?.store.failure(facts.hostName);
      return { ...facts, failure };
    });
    return { own: after === undefined ? own.list() : [], kept: await Promise.all(kept) };
  }

  /** How all of them are, and when the first ends. */
  get counts(): CertificateCounts {
    const acme = this.#acme;
    const { nowMs, own } = this.#options;
    const states = { ...(acme?.store.countStates() ?? noneInAnyState) };
    const ends = own.list().map(({ notAfterMs }) => notAfterMs);
    for (const end of ends) states[stateAt(nowMs(), { notAfterMs: end })] += 1;
    const first = acme?.store.earliestEndMs;
    if (first !== undefined) ends.push(first);
    const earliestEndMs = ends.length === 0 ? undefined : Math.min(...ends);
    return { states, earliestEndMs };
  }

  /**
   * Orders the certificate of a name anew, for an operator. Undefined where none is ordered here,
   * or none is kept of the name.
   */
  async renew(hostName: HostName): Promise<OrderEnd | undefined> {
    const acme = this.#acme;
    const kept = await acme?.store.certificate(hostName);
    if (acme === undefined || kept === undefined) return undefined;
    const end = await acme.orders.renew(kept);
    if (end.kind === 'issued') this.#options.onRenewed();
    return end;
  }

  /** The operator's own, from now on. Rejects as `OwnCertificates.open` does. */
  replaceOwn(files: readonly CertificateFiles[]): Promise<void> {
    return this.#options.own.replace(files);
  }

  async close(): Promise<void> {
    this.#options.own.close();
    const acme = await this.#options.acme?.end();
    if (acme === undefined) return;
    // Connections first: an order under way fails at once instead of holding up the end.
    acme.orders.stop();
    await acme.directories.close();
    await acme.renewals.stop();
    await acme.orders.settled();
    acme.challenges.close();
    acme.store.close();
  }

  /** Undefined where none are ordered, or the store cannot be used yet. */
  get #acme(): AcmeParts | undefined {
    return this.#options.acme?.parts;
  }

  /** Not over, and of a directory that is still in force: staging's are worth nothing later. */
  #isUsable(kept: StoredCertificate, acme: AcmeParts): boolean {
    return (
      kept.notAfterMs > this.#options.nowMs() && acme.directories.urls.includes(kept.directoryUrl)
    );
  }

  #stored(certificate: StoredCertificate): CertificateAnswer {
    const { chainPem } = certificate;
    const id = createHash('sha256').update(chainPem).digest('hex');
    const leftMs = certificate.notAfterMs - this.#options.nowMs();
    return found(certificate, id, Math.min(answerHoldsMs, Math.max(0, leftMs)));
  }
}

function found(pair: CertificatePair, id: string, expiresInMs: number): CertificateAnswer {
  const { chainPem, keyPem } = pair;
  return { kind: 'certificate', pair: { chainPem, keyPem }, id, expiresInMs };
}

function none(reason: string, expiresInMs: number): CertificateAnswer {
  return { kind: 'none', reason, expiresInMs };
}
