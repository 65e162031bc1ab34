/**
 * One ACME account at one directory (RFC 8555): orders certificates for single host names and asks
 * when to renew them (RFC 9773). What it must show to the authority goes out through a
 * `ChallengeStage`; time and waiting are handed in.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import type { ChallengeType } from '../../config/config.ts';
import type { HostName } from '../../names.ts';
import { createRequest, newCertificateKey, renewalIdOf } from '../x509.ts';
import { AcmeAccount, type Errand } from './account.ts';
import { checkIssued } from './issued.ts';
import { type ExternalAccount, keyAuthorization } from './jws.ts';
import { Patience } from './patience.ts';
import { AcmeError, asRecord, readProblem } from './problem.ts';
import { type AcmeAnswer, AcmeTransport, textField, urlField } from './transport.ts';

export interface Challenge {
  readonly type: ChallengeType;
  readonly hostName: HostName;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Where challenges are shown: the listeners ask it. */
export interface ChallengeStage {
  /** When it resolves, whoever asks is answered. */
  show(challenge: Challenge): Promise<void>;
  /** Never rejects. */
  withdraw(challenge: Challenge): Promise<void>;
}

export interface AcmeClientOptions {
  readonly directoryUrl: string;
  readonly accountKey: KeyObject;
  readonly contacts: readonly string[];
  readonly external: ExternalAccount | undefined;
  /** Asked for where the directory offers it. */
  readonly profile: string | undefined;
  /** In the order in which they are tried. */
  readonly challengeTypes: readonly ChallengeType[];
  readonly stage: ChallengeStage;
  readonly caPem: string | undefined;
  readonly requestTimeoutMs: number;
  /** All of one order, waiting included. */
  readonly orderTimeoutMs: number;
  readonly nowMs: () => number;
  readonly wait: (delayMs: number) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface OrderOptions {
  /** The certificate that the new one will replace (RFC 9773, section 5). */
  readonly replaces?: X509Certificate | undefined;
  /** Failures so far: each attempt begins with another kind of challenge. */
  readonly attempt?: number;
  /** The authority has taken the order, and counts it. */
  readonly onOrdered?: () => void;
}

export interface IssuedCertificate {
  /** Leaf first. */
  readonly chainPem: string;
  readonly keyPem: string;
}

export interface RenewalWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** How long the answer holds. */
  readonly retryAfterMs: number;
}

/** An order as the server described it last, and where it is. */
interface OrderPlace extends Errand {
  readonly url: string;
  readonly hostName: HostName;
}

const pollMsMin = 250;
const pollMsMax = 10_000;
/** How often a finalization that was not taken is sent again. */
const finalizationsMax = 4;
/** RFC 9773, section 4.3.2: when the server does not say. */
const renewalRetryMs = 6 * 3_600_000;
const tokenPattern = /^[A-Za-z0-9_-]{1,256}$/;

export class AcmeClient {
  readonly #options: AcmeClientOptions;
  readonly #transport: AcmeTransport;
  readonly #patience: Patience;
  readonly #account: AcmeAccount;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
    const { directoryUrl, accountKey, contacts, external, caPem, nowMs } = options;
    const timeoutMs = options.requestTimeoutMs;
    const transport = new AcmeTransport({ directoryUrl, caPem, timeoutMs, nowMs });
    const patience = new Patience(options);
    this.#transport = transport;
    this.#patience = patience;
    this.#account = new AcmeAccount({
      ...{ directoryUrl, accountKey, contacts, external },
      ...{ transport, patience, nowMs },
    });
  }

  get directoryUrl(): string {
    return this.#options.directoryUrl;
  }

  /**
   * Orders a certificate of `hostName` alone, with a key of its own. What an authority refuses for
   * a moment is asked again; all of it ends within `orderTimeoutMs`.
   *
   * Rejects with AcmeError.
   */
  async order(hostName: HostName, options: OrderOptions = {}): Promise<IssuedCertificate> {
    const { replaces, attempt = 0, onOrdered } = options;
    const action = `order a certificate for ${hostName}`;
    const deadlineMs = this.#options.nowMs() + this.#options.orderTimeoutMs;
    const errand = { action, deadlineMs };
    const created = await this.#newOrder(hostName, replaces, errand);
    onOrdered?.();
    const url = created.location;
    if (url === undefined) {
      throw new AcmeError('unavailable', `Cannot ${action}: the order must have a URL`);
    }
    const order = { ...errand, hostName, url };
    const authorizations = asRecord(created.body).authorizations;
    if (!Array.isArray(authorizations)) {
      throw new AcmeError('unavailable', `Cannot ${action}: the order must have authorizations`);
    }
    for (const authorization of authorizations) {
      await this.#authorize(new URL(String(authorization), url).href, order, attempt);
    }
    const key = newCertificateKey();
    const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const csr = createRequest(hostName, key).toString('base64url');
    const done = await this.#complete(order, csr);
    const certificateUrl = urlField(done.body, 'certificate', order);
    const issued = await this.#account.read(certificateUrl, errand);
    if (typeof issued.body !== 'string') {
      throw new AcmeError('unavailable', `Cannot ${action}: the certificate must be PEM`);
    }
    checkIssued(issued.body, { hostName, keyPem, action, nowMs: this.#options.nowMs() });
    return { chainPem: issued.body, keyPem };
  }

  /** When to renew `certificate`; undefined where the directory does not say. */
  async renewalWindow(certificate: X509Certificate): Promise<RenewalWindow | undefined> {
    const action = 'ask when to renew a certificate';
    const deadlineMs = this.#options.nowMs() + this.#options.orderTimeoutMs;
    const { renewalInfo } = await this.#account.directory({ action, deadlineMs });
    const id = renewalIdOf(certificate);
    if (renewalInfo === undefined || id === undefined) return undefined;
    const base = renewalInfo.endsWith('/') ? renewalInfo : `${renewalInfo}/`;
    const answer = await this.#patience.repeat(() => this.#transport.get(`${base}${id}`, action), {
      action,
      deadlineMs,
      isRead: true,
    });
    const window = asRecord(asRecord(answer.body).suggestedWindow);
    const startMs = Date.parse(String(window.start));
    const endMs = Date.parse(String(window.end));
    if (Number.isNaN(startMs) || Number.isNaN(endMs) || endMs < startMs) return undefined;
    return { startMs, endMs, retryAfterMs: answer.retryAfterMs ?? renewalRetryMs };
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#patience.close();
    await this.#transport.close();
  }

  async #newOrder(
    hostName: HostName,
    replaces: X509Certificate | undefined,
    errand: Errand,
  ): Promise<AcmeAnswer> {
    const { newOrder, profiles, renewalInfo } = await this.#account.directory(errand);
    const { profile } = this.#options;
    const renewalId =
      replaces === undefined || renewalInfo === undefined ? undefined : renewalIdOf(replaces);
    const plain = {
      identifiers: [{ type: 'dns', value: hostName }],
      ...(profile !== undefined && profiles.has(profile) ? { profile } : {}),
    };
    if (renewalId === undefined) return this.#account.send(newOrder, plain, errand);
    try {
      return await this.#account.send(newOrder, { ...plain, replaces: renewalId }, errand);
    } catch (error) {
      // Unknown there, or replaced before (RFC 9773, section 5): a plain order.
      if (!(error instanceof AcmeError) || error.fault !== 'rejected') throw error;
      return this.#account.send(newOrder, plain, errand);
    }
  }

  async #authorize(url: string, order: OrderPlace, attempt: number): Promise<void> {
    const { body } = await this.#account.read(url, order);
    if (asRecord(body).status === 'valid') return;
    const found = this.#chooseChallenge(body, { ...order, url }, attempt);
    const { stage } = this.#options;
    try {
      await stage.show(found.challenge);
      await this.#claim(found.url, { ...order, url });
      await this.#poll(url, order, ['pending']);
    } finally {
      await stage.withdraw(found.challenge);
    }
  }

  /**
   * Tells the authority to look. Told twice, because the first answer was lost, it may say that the
   * challenge is no longer pending: then it has looked.
   */
  async #claim(challengeUrl: string, authorization: OrderPlace): Promise<void> {
    try {
      await this.#account.send(challengeUrl, {}, authorization);
    } catch (error) {
      if (!(error instanceof AcmeError) || error.problemType !== 'malformed') throw error;
      const { body } = await this.#account.read(authorization.url, authorization);
      if (asRecord(body).status === 'pending') throw error;
    }
  }

  #chooseChallenge(
    body: unknown,
    from: OrderPlace,
    attempt: number,
  ): { readonly challenge: Challenge; readonly url: string } {
    const { hostName, action } = from;
    const offered = asRecord(body).challenges;
    const list = Array.isArray(offered) ? offered.map(asRecord) : [];
    const { challengeTypes } = this.#options;
    const first = attempt % challengeTypes.length;
    for (const type of [...challengeTypes.slice(first), ...challengeTypes.slice(0, first)]) {
      const fields = list.find((one) => one.type === type);
      if (fields === undefined) continue;
      const token = textField(fields, 'token', action);
      // It becomes a path that is answered, and stands in the log.
      if (!tokenPattern.test(token)) break;
      const proof = keyAuthorization(token, this.#options.accountKey);
      return {
        challenge: { type, hostName, token, keyAuthorization: proof },
        url: urlField(fields, 'url', from),
      };
    }
    const wanted = challengeTypes.join(' or ');
    throw new AcmeError('unavailable', `Cannot ${action}: the directory must offer ${wanted}`);
  }

  /**
   * Leads the order to its certificate by what the order says of itself (RFC 8555, section 7.4). A
   * finalization whose answer was lost may have been taken, and one that came too early
   * (`orderNotReady`) was not: only the order knows.
   */
  async #complete(order: OrderPlace, csr: string): Promise<AcmeAnswer> {
    const passing = ['pending', 'processing'];
    for (let attemptsLeft = finalizationsMax; ; attemptsLeft -= 1) {
      const ready = await this.#poll(order.url, order, passing);
      if (asRecord(ready.body).status === 'valid') return ready;
      try {
        await this.#account.send(urlField(ready.body, 'finalize', order), { csr }, order);
        return await this.#poll(order.url, order, [...passing, 'ready']);
      } catch (error) {
        if (!(error instanceof AcmeError) || error.problemType !== 'orderNotReady') throw error;
        const isPaused = await this.#patience.pause(pollMsMin, error, order);
        if (!isPaused || attemptsLeft === 1) throw error;
      }
    }
  }

  /** Asks until the status is none of `passing`. */
  async #poll(url: string, errand: Errand, passing: readonly string[]): Promise<AcmeAnswer> {
    const { action } = errand;
    for (let delayMs = pollMsMin; ; delayMs = Math.min(pollMsMax, delayMs * 1.5)) {
      const answer = await this.#account.read(url, errand);
      const status = textField(answer.body, 'status', action);
      if (!passing.includes(status)) {
        if (status === 'valid' || status === 'ready') return answer;
        throw readProblem(findProblem(answer.body), { action, status: answer.status });
      }
      if (!(await this.#patience.pause(delayMs, answer, errand))) {
        const rule = `it must be done within ${this.#options.orderTimeoutMs} ms`;
        throw new AcmeError('unavailable', `Cannot ${action}: ${rule}: received "${status}"`);
      }
    }
  }
}

/** What failed: the order's own problem, or that of the challenge that was tried. */
function findProblem(body: unknown): unknown {
  const fields = asRecord(body);
  if (fields.error !== undefined) return fields.error;
  const challenges = Array.isArray(fields.challenges) ? fields.challenges.map(asRecord) : [];
  return challenges.find((challenge) => challenge.error !== undefined)?.error;
}
