/**
 * Edge: HTTPS to one ACME directory, by undici. Nonces, signed requests, bounded answers and their
 * problems (RFC 8555, sections 6.1 to 6.7).
 */

import type { KeyObject } from 'node:crypto';
import { Agent, type Dispatcher, request } from 'undici';
import { parseRetryAfter } from '../../http/date.ts';
import { signMessage } from './jws.ts';
import { AcmeError, asRecord, readProblem } from './problem.ts';

export interface TransportOptions {
  readonly directoryUrl: string;
  /** Authorities to trust besides those of the system, PEM; undefined: none. */
  readonly caPem?: string | undefined;
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

export interface AcmeAnswer {
  readonly status: number;
  /** The parsed JSON body; the text itself when it is something else. */
  readonly body: unknown;
  /** Absolute, however the server wrote it (RFC 9110, section 10.2.2). */
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
}

export interface SignedRequest {
  readonly url: string;
  /** Undefined: POST-as-GET. */
  readonly payload: object | undefined;
  readonly key: KeyObject;
  readonly accountUrl: string | undefined;
  /** For failures: "Cannot <action>: …". */
  readonly action: string;
}

interface Sent extends AcmeAnswer {
  /** For the next request. */
  readonly nonce: string | undefined;
}

/** A chain of ten certificates of 4096-bit keys has 20 KiB. */
const answerBytesMax = 256 * 1024;
const noncesKeptMax = 16;
/**
 * RFC 8555, section 6.5: with the nonce of the refusal, the next attempt should pass. An order has
 * some ten requests; with every second nonce refused, all of them still pass but once in 400.
 */
const nonceAttemptsMax = 12;
const retryAfterMsMax = 24 * 3_600_000;

export class AcmeTransport {
  readonly #options: TransportOptions;
  readonly #agent: Agent;
  readonly #nonces: string[] = [];

  constructor(options: TransportOptions) {
    this.#options = options;
    const { caPem, timeoutMs } = options;
    this.#agent = new Agent({
      connect: { timeout: timeoutMs, ...(caPem === undefined ? {} : { ca: caPem }) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: answerBytesMax,
      connections: 4,
    });
  }

  /** An unsigned GET: the directory and renewal information. Rejects with AcmeError. */
  async get(url: string, action: string): Promise<AcmeAnswer> {
    const answer = await this.#send(url, { method: 'GET' }, action);
    this.#keepNonce(answer.nonce);
    if (answer.status >= 400) throw readProblem(answer.body, { action, ...answer });
    return answer;
  }

  /**
   * A signed POST. A refused nonce is replaced by the refusal's own and tried again.
   *
   * @param newNonceUrl Where to get a first nonce.
   * Rejects with AcmeError.
   */
  async post(signed: SignedRequest, newNonceUrl: string): Promise<AcmeAnswer> {
    const { action } = signed;
    for (let attemptsLeft = nonceAttemptsMax; ; attemptsLeft -= 1) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce(newNonceUrl, action));
      const message = signMessage(signed.payload, { ...signed, nonce });
      const answer = await this.#send(
        signed.url,
        {
          method: 'POST',
          headers: { 'content-type': 'application/jose+json' },
          body: JSON.stringify(message),
        },
        action,
      );
      this.#keepNonce(answer.nonce);
      if (answer.status < 400) return answer;
      const problem = readProblem(answer.body, { action, ...answer });
      if (problem.problemType !== 'badNonce' || attemptsLeft <= 1) throw problem;
    }
  }

  /** Ends the connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Not by way of those that are kept: another request could take it from there. */
  async #newNonce(url: string, action: string): Promise<string> {
    const answer = await this.#send(url, { method: 'HEAD' }, action);
    if (answer.nonce !== undefined) return answer.nonce;
    if (answer.status >= 400) throw readProblem(answer.body, { action, ...answer }).ofDirectory();
    throw new AcmeError('unavailable', `Cannot ${action}: the directory must give a nonce`);
  }

  async #send(
    url: string,
    options: Pick<Dispatcher.RequestOptions, 'method' | 'body'> & {
      readonly headers?: Readonly<Record<string, string>>;
    },
    action: string,
  ): Promise<Sent> {
    this.#checkUrl(url, action);
    try {
      const reply = await request(url, {
        ...options,
        headers: { 'user-agent': 'terrafirma', 'accept-language': 'en', ...options.headers },
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      const text = await reply.body.text();
      return {
        nonce: readNonce(reply.headers['replay-nonce']),
        status: reply.statusCode,
        body: parseBody(text),
        location: resolveUrl(single(reply.headers.location), url),
        retryAfterMs: readRetryAfter(single(reply.headers['retry-after']), this.#options.nowMs()),
      };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const rule = `${new URL(url).host} must answer`;
      throw new AcmeError('unavailable', `Cannot ${action}: ${rule}: received ${reason}`, {
        cause,
        scope: 'directory',
        status: 0,
      });
    }
  }

  /** A directory that sends us to plain HTTP, or to some file of ours, is not followed there. */
  #checkUrl(url: string, action: string): void {
    const wanted = new URL(this.#options.directoryUrl).protocol;
    if (URL.canParse(url) && new URL(url).protocol === wanted) return;
    throw new AcmeError('unavailable', `Cannot ${action}: URLs must be ${wanted}: received others`);
  }

  #keepNonce(nonce: string | undefined): void {
    if (nonce === undefined) return;
    if (this.#nonces.length >= noncesKeptMax) this.#nonces.shift();
    this.#nonces.push(nonce);
  }
}

function readNonce(header: string | string[] | undefined): string | undefined {
  const nonce = single(header);
  return nonce !== undefined && /^[A-Za-z0-9_-]{1,1024}$/.test(nonce) ? nonce : undefined;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** `text` as an absolute URL, seen from `base`; undefined when it is none. */
function resolveUrl(text: string | undefined, base: string): string | undefined {
  return text === undefined ? undefined : (URL.parse(text, base)?.href ?? text);
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A chain of certificates, or a proxy's page: whoever asked says what it must be.
    return text;
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3), bounded. */
export function readRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const delayMs = parseRetryAfter(header, nowMs);
  return delayMs === undefined ? undefined : Math.min(delayMs, retryAfterMsMax);
}

/**
 * The member `name` of an answer as an absolute URL.
 *
 * @throws AcmeError `unavailable`
 */
export function urlField(
  body: unknown,
  name: string,
  from: { readonly url: string; readonly action: string },
): string {
  const text = textField(body, name, from.action);
  return resolveUrl(text, from.url) ?? text;
}

/**
 * The member `name` of an answer as text.
 *
 * @throws AcmeError `unavailable`
 */
export function textField(body: unknown, name: string, action: string): string {
  const value = asRecord(body)[name];
  if (typeof value === 'string') return value;
  throw new AcmeError('unavailable', `Cannot ${action}: the answer must have "${name}"`);
}
