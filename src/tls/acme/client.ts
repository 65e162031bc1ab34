/**
 * One ACME account at one directory (RFC 8555): orders certificates for single host names and asks
 * when to renew them (RFC 9773). What it must show to the authority goes out through a
 * `ChallengeStage`; time and waiting are handed in.
 */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { ChallengeType } from '../../config/config.ts';
import type { HostName } from '../../names.ts';
import { createRequest, newCertificateKey, readChain, renewalIdOf } from '../x509.ts';
import { type Directory, readDirectory } from './directory.ts';
import { bindExternalAccount, type ExternalAccount, keyAuthorization } from './jws.ts';
import { AcmeError, asRecord, readProblem } from './problem.ts';
import { type AcmeAnswer, AcmeTransport, textField } from './transport.ts';

export interface Challenge {
  readonly type: ChallengeType;
  readonly hostName: HostName;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Where challenges are shown: the listeners ask it. */
export interface ChallengeStage {
  show(challenge: Challenge): void;
  withdraw(challenge: Challenge): void;
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

const DIRECTORY_TTL_MS = 6 * 3_600_000;
const POLL_MS_MIN = 250;
const POLL_MS_MAX = 10_000;
/** RFC 9773, section 4.3.2: when the server does not say. */
const RENEWAL_RETRY_MS = 6 * 3_600_000;
const TOKEN = /^[A-Za-z0-9_-]{1,256}$/;

export class AcmeClient {
  readonly #options: AcmeClientOptions;
  readonly #transport: AcmeTransport;
  #directory: { readonly value: Directory; readonly expiresAtMs: number } | undefined;
  #account: Promise<string> | undefined;
  readonly #closing = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
    const { directoryUrl, caPem, nowMs } = options;
    const timeoutMs = options.requestTimeoutMs;
    this.#transport = new AcmeTransport({ directoryUrl, caPem, timeoutMs, nowMs });
  }

  get directoryUrl(): string {
    return this.#options.directoryUrl;
  }

  /**
   * Orders a certificate of `hostName` alone, with a key of its own.
   *
   * Rejects with AcmeError.
   */
  async order(hostName: HostName, options: OrderOptions = {}): Promise<IssuedCertificate> {
    const { replaces, attempt = 0, onOrdered } = options;
    const action = `order a certificate for ${hostName}`;
    const deadlineMs = this.#options.nowMs() + this.#options.orderTimeoutMs;
    const created = await this.#newOrder(hostName, replaces, action);
    onOrdered?.();
    const orderUrl = created.location;
    if (orderUrl === undefined) {
      throw new AcmeError('unavailable', `Cannot ${action}: the order must have a URL`);
    }
    const authorizations = asRecord(created.body).authorizations;
    if (!Array.isArray(authorizations)) {
      throw new AcmeError('unavailable', `Cannot ${action}: the order must have authorizations`);
    }
    for (const url of authorizations) {
      await this.#authorize(String(url), { hostName, action, deadlineMs, attempt });
    }
    const ready = await this.#poll(orderUrl, { action, deadlineMs, passing: ['pending'] });
    const key = newCertificateKey();
    const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const csr = createRequest(hostName, key).toString('base64url');
    const finalizeUrl = textField(ready.body, 'finalize', action);
    await this.#post(finalizeUrl, { csr }, action);
    const passing = ['ready', 'processing', 'pending'];
    const done = await this.#poll(orderUrl, { action, deadlineMs, passing });
    const certificateUrl = textField(done.body, 'certificate', action);
    const issued = await this.#post(certificateUrl, undefined, action);
    if (typeof issued.body !== 'string') {
      throw new AcmeError('unavailable', `Cannot ${action}: the certificate must be PEM`);
    }
    checkIssued(issued.body, { hostName, keyPem, action, nowMs: this.#options.nowMs() });
    return { chainPem: issued.body, keyPem };
  }

  /** When to renew `certificate`; undefined where the directory does not say. */
  async renewalWindow(certificate: X509Certificate): Promise<RenewalWindow | undefined> {
    const action = 'ask when to renew a certificate';
    const { renewalInfo } = await this.#readDirectory();
    const id = renewalIdOf(certificate);
    if (renewalInfo === undefined || id === undefined) return undefined;
    const base = renewalInfo.endsWith('/') ? renewalInfo : `${renewalInfo}/`;
    const answer = await this.#transport.get(`${base}${id}`, action);
    const window = asRecord(asRecord(answer.body).suggestedWindow);
    const startMs = Date.parse(String(window.start));
    const endMs = Date.parse(String(window.end));
    if (Number.isNaN(startMs) || Number.isNaN(endMs) || endMs < startMs) return undefined;
    return { startMs, endMs, retryAfterMs: answer.retryAfterMs ?? RENEWAL_RETRY_MS };
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.resolve();
    await this.#transport.close();
  }

  async #newOrder(
    hostName: HostName,
    replaces: X509Certificate | undefined,
    action: string,
  ): Promise<AcmeAnswer> {
    const { newOrder, profiles, renewalInfo } = await this.#readDirectory();
    const { profile } = this.#options;
    const renewalId =
      replaces === undefined || renewalInfo === undefined ? undefined : renewalIdOf(replaces);
    const plain = {
      identifiers: [{ type: 'dns', value: hostName }],
      ...(profile !== undefined && profiles.has(profile) ? { profile } : {}),
    };
    if (renewalId === undefined) return this.#post(newOrder, plain, action);
    try {
      return await this.#post(newOrder, { ...plain, replaces: renewalId }, action);
    } catch (error) {
      // Unknown there, or replaced before (RFC 9773, section 5): a plain order.
      if (!(error instanceof AcmeError) || error.fault !== 'rejected') throw error;
      return this.#post(newOrder, plain, action);
    }
  }

  async #authorize(
    url: string,
    order: {
      readonly hostName: HostName;
      readonly action: string;
      readonly deadlineMs: number;
      readonly attempt: number;
    },
  ): Promise<void> {
    const { action, deadlineMs } = order;
    const { body } = await this.#post(url, undefined, action);
    if (asRecord(body).status === 'valid') return;
    const found = this.#chooseChallenge(body, order);
    const { stage } = this.#options;
    stage.show(found.challenge);
    try {
      await this.#post(found.url, {}, action);
      await this.#poll(url, { action, deadlineMs, passing: ['pending'] });
    } finally {
      stage.withdraw(found.challenge);
    }
  }

  #chooseChallenge(
    body: unknown,
    order: { readonly hostName: HostName; readonly action: string; readonly attempt: number },
  ): { readonly challenge: Challenge; readonly url: string } {
    const { hostName, action, attempt } = order;
    const offered = asRecord(body).challenges;
    const list = Array.isArray(offered) ? offered.map(asRecord) : [];
    const { challengeTypes } = this.#options;
    const first = attempt % challengeTypes.length;
    for (const type of [...challengeTypes.slice(first), ...challengeTypes.slice(0, first)]) {
      const fields = list.find((one) => one.type === type);
      if (fields === undefined) continue;
      const token = textField(fields, 'token', action);
      // It becomes a path that is answered, and stands in the log.
      if (!TOKEN.test(token)) break;
      const proof = keyAuthorization(token, this.#options.accountKey);
      return {
        challenge: { type, hostName, token, keyAuthorization: proof },
        url: textField(fields, 'url', action),
      };
    }
    const wanted = challengeTypes.join(' or ');
    throw new AcmeError('unavailable', `Cannot ${action}: the directory must offer ${wanted}`);
  }

  /** Asks until the status is none of `passing`. */
  async #poll(
    url: string,
    options: {
      readonly action: string;
      readonly deadlineMs: number;
      readonly passing: readonly string[];
    },
  ): Promise<AcmeAnswer> {
    const { action, deadlineMs, passing } = options;
    const { nowMs, wait } = this.#options;
    for (let delayMs = POLL_MS_MIN; ; delayMs = Math.min(POLL_MS_MAX, delayMs * 1.5)) {
      const answer = await this.#post(url, undefined, action);
      const status = textField(answer.body, 'status', action);
      if (!passing.includes(status)) {
        if (status === 'valid' || status === 'ready') return answer;
        throw readProblem(findProblem(answer.body), { action, status: answer.status });
      }
      const pauseMs = Math.min(POLL_MS_MAX, Math.max(delayMs, answer.retryAfterMs ?? 0));
      if (nowMs() + pauseMs > deadlineMs) {
        const rule = `it must be done within ${this.#options.orderTimeoutMs} ms`;
        throw new AcmeError('unavailable', `Cannot ${action}: ${rule}: received "${status}"`);
      }
      await Promise.race([wait(pauseMs), this.#closing.promise]);
      if (this.#isClosed) throw new AcmeError('unavailable', `Cannot ${action}: it was given up`);
    }
  }

  /** A directory that has lost our account (a test server after a restart) gets it again. */
  async #post(url: string, payload: object | undefined, action: string): Promise<AcmeAnswer> {
    const { accountKey: key } = this.#options;
    const { newNonce } = await this.#readDirectory();
    try {
      const accountUrl = await this.#openAccount();
      return await this.#transport.post({ url, payload, key, accountUrl, action }, newNonce);
    } catch (error) {
      if (!(error instanceof AcmeError) || error.problemType !== 'accountDoesNotExist') throw error;
      this.#account = undefined;
      const accountUrl = await this.#openAccount();
      return this.#transport.post({ url, payload, key, accountUrl, action }, newNonce);
    }
  }

  #openAccount(): Promise<string> {
    this.#account ??= this.#newAccount().catch((error: unknown) => {
      this.#account = undefined;
      throw error;
    });
    return this.#account;
  }

  /** Also finds the account that this key has already (RFC 8555, section 7.3.1). */
  async #newAccount(): Promise<string> {
    const { accountKey: key, contacts, external } = this.#options;
    const action = `open an account at ${new URL(this.directoryUrl).host}`;
    const { newAccount, newNonce, needsExternalAccount } = await this.#readDirectory();
    if (needsExternalAccount && external === undefined) {
      const rule = 'the directory needs acme.external_key_id and acme.external_key_file';
      throw new AcmeError('unavailable', `Cannot ${action}: ${rule}: received neither`);
    }
    const payload = {
      termsOfServiceAgreed: true,
      contact: contacts.map((address) => `mailto:${address}`),
      ...(needsExternalAccount && external !== undefined
        ? { externalAccountBinding: bindExternalAccount(external, { key, url: newAccount }) }
        : {}),
    };
    const signed = { url: newAccount, payload, key, accountUrl: undefined, action };
    const { location } = await this.#transport.post(signed, newNonce);
    if (location !== undefined) return location;
    throw new AcmeError('unavailable', `Cannot ${action}: the answer must have a Location`);
  }

  async #readDirectory(): Promise<Directory> {
    const { directoryUrl, nowMs } = this.#options;
    if (this.#directory !== undefined && nowMs() < this.#directory.expiresAtMs) {
      return this.#directory.value;
    }
    const answer = await this.#transport.get(directoryUrl, 'read the ACME directory');
    const value = readDirectory(answer.body);
    this.#directory = { value, expiresAtMs: nowMs() + DIRECTORY_TTL_MS };
    return value;
  }
}

/** What failed: the order's own problem, or that of the challenge that was tried. */
function findProblem(body: unknown): unknown {
  const fields = asRecord(body);
  if (fields.error !== undefined) return fields.error;
  const challenges = Array.isArray(fields.challenges) ? fields.challenges.map(asRecord) : [];
  return challenges.find((challenge) => challenge.error !== undefined)?.error;
}

/** An authority that hands out something else must not make us serve it, or loop. */
function checkIssued(
  chainPem: string,
  expected: {
    readonly hostName: HostName;
    readonly keyPem: string;
    readonly action: string;
    readonly nowMs: number;
  },
): void {
  const { hostName, keyPem, action, nowMs } = expected;
  const [leaf] = readChainOrNothing(chainPem);
  const isOurs = leaf?.checkPrivateKey(createPrivateKey(keyPem)) === true;
  const isUsable = isOurs && leaf.checkHost(hostName) !== undefined;
  if (isUsable && isWholeChain(chainPem, keyPem)) {
    if (Date.parse(leaf.validTo) > nowMs) return;
    const held = 'the certificate must still hold, by the clock of this machine';
    throw new AcmeError('unavailable', `Cannot ${action}: ${held}: received ${leaf.validTo}`);
  }
  const rule = 'the certificate must be of our key and this host name';
  throw new AcmeError('unavailable', `Cannot ${action}: ${rule}: received another`);
}

/** As handshakes will read it: what breaks off behind the leaf would make each of them fail. */
function isWholeChain(chainPem: string, keyPem: string): boolean {
  try {
    createSecureContext({ cert: chainPem, key: keyPem });
    return true;
  } catch {
    // Whatever OpenSSL has against it: it is no certificate for us.
    return false;
  }
}

function readChainOrNothing(chainPem: string): readonly X509Certificate[] {
  try {
    return readChain(chainPem);
  } catch {
    // Not PEM at all: the same as no certificate of ours.
    return [];
  }
}
