/**
 * Edge: loopback sockets. A small ACME server (RFC 8555, RFC 8737, RFC 9773) that checks what it is
 * sent, really validates both challenges, and misbehaves as tests ask it to.
 */
import { createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { thumbprint } from '../../src/tls/acme/jws.ts';
import { TestAuthority } from './acme-authority.ts';
import { type AcmeFault, goesWrong } from './acme-faults.ts';
import { validateHttp, validateTlsAlpn } from './acme-validation.ts';

type Json = Record<string, unknown>;

export interface AcmeRules {
  /** Where challenges are looked for, instead of 80 and 443 of the host name. */
  httpPort: number;
  tlsPort: number;
  challengeTypes: string[];
  /** The next so many signed requests get badNonce. */
  badNonces: number;
  /** Names that are refused at the order. */
  rejectedNames: Set<string>;
  limitedNames: Set<string>;
  /** Every request gets this status and problem. */
  failure: { readonly status: number; readonly type: string } | undefined;
  external: { readonly keyId: string; readonly hmacKey: string } | undefined;
  profiles: string[];
  lifetimeMs: number;
  /** Undefined: renewal information is not offered. */
  renewalWindow: ((certId: string) => { readonly start: string; readonly end: string }) | undefined;
  /** The next requests to these resources go wrong, each once. */
  faults: AcmeFault[];
  /** Order URLs in Location are relative, as RFC 9110 allows. */
  hasRelativeLocation: boolean;
  /** Finalizing waits for it. */
  heldBy: Promise<void> | undefined;
}

interface Order {
  readonly id: string;
  readonly hostName: string;
  readonly replaces: string | undefined;
  readonly profile: string | undefined;
  readonly account: string;
  readonly token: string;
  status: string;
  authorization: string;
  error: Json | undefined;
  pem: string | undefined;
}

interface Signed {
  readonly payload: Json | undefined;
  readonly accountUrl: string;
  readonly jwk: Json;
}

class Problem extends Error {
  readonly status: number;
  readonly type: string;
  constructor(status: number, type: string, detail: string) {
    super(detail);
    this.status = status;
    this.type = type;
  }
}

export class AcmeServer implements AsyncDisposable {
  readonly authority = new TestAuthority();
  readonly orders: Order[] = [];
  /** Types of challenges that were validated, in order. */
  readonly validated: string[] = [];
  readonly rules: AcmeRules = {
    httpPort: 0,
    tlsPort: 0,
    challengeTypes: ['http-01', 'tls-alpn-01'],
    badNonces: 0,
    rejectedNames: new Set(),
    limitedNames: new Set(),
    failure: undefined,
    faults: [],
    hasRelativeLocation: false,
    external: undefined,
    profiles: [],
    lifetimeMs: 90 * 86_400_000,
    renewalWindow: undefined,
    heldBy: undefined,
  };
  requests = 0;
  readonly #accounts = new Map<string, Json>();
  readonly #nonces = new Set<string>();
  readonly #server: Server;
  #base = '';

  private constructor() {
    this.#server = createServer((incoming, response) => {
      this.#answer(incoming, response).catch((error: unknown) => {
        if (error instanceof Problem) this.#refuse(response, error);
        else this.#refuse(response, new Problem(500, 'serverInternal', String(error)));
      });
    });
  }

  static async start(): Promise<AcmeServer> {
    const server = new AcmeServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    server.#base = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  get directoryUrl(): string {
    return `${this.#base}/directory`;
  }

  get accounts(): number {
    return this.#accounts.size;
  }

  /** As a test server after a restart: it knows nobody. */
  forgetAccounts(): void {
    this.#accounts.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const { failure } = this.rules;
    if (failure !== undefined) throw new Problem(failure.status, failure.type, 'as told');
    const [, kind = '', id = ''] = (incoming.url ?? '').split('/');
    if (goesWrong(this.rules.faults, { resource: kind, incoming, response })) return undefined;
    if (kind === 'directory') {
      // Without a nonce: RFC 8555 promises one for answers to POST alone.
      response.end(JSON.stringify(this.#directory()));
      return undefined;
    }
    if (kind === 'nonce') return this.#send(response, 200, undefined);
    if (kind === 'renewal') {
      const window = this.rules.renewalWindow?.(id);
      response.setHeader('retry-after', '60');
      return this.#send(response, 200, { suggestedWindow: window });
    }
    const signed = await this.#readSigned(incoming, kind);
    if (kind === 'account') return this.#newAccount(response, signed);
    if (kind === 'new-order') return this.#newOrder(response, signed);
    const order = this.orders.find((one) => one.id === id);
    if (order === undefined || order.account !== signed.accountUrl) {
      throw new Problem(404, 'malformed', 'no such thing of this account');
    }
    switch (kind) {
      case 'order':
        return this.#send(response, 200, this.#describe(order));
      case 'authorization':
        return this.#send(response, 200, this.#describeAuthorization(order));
      case 'challenge':
        return this.#challenge(response, {
          order,
          signed,
          type: incoming.url?.split('/')[3] ?? '',
        });
      case 'finalize':
        return this.#finalize(response, order, signed);
      case 'certificate':
        response.setHeader('content-type', 'application/pem-certificate-chain');
        this.#nonce(response);
        response.end(order.pem);
        return undefined;
      default:
        throw new Problem(404, 'malformed', 'no such resource');
    }
  }

  #directory(): Json {
    const { profiles, external, renewalWindow } = this.rules;
    return {
      newNonce: `${this.#base}/nonce`,
      newAccount: `${this.#base}/account`,
      newOrder: `${this.#base}/new-order`,
      ...(renewalWindow === undefined ? {} : { renewalInfo: `${this.#base}/renewal` }),
      meta: {
        profiles: Object.fromEntries(profiles.map((name) => [name, name])),
        externalAccountRequired: external !== undefined,
      },
    };
  }

  async #readSigned(incoming: IncomingMessage, kind: string): Promise<Signed> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
    const header = decode(message.protected ?? '');
    if (header.url !== `${this.#base}${incoming.url}`) {
      throw new Problem(400, 'unauthorized', 'signed for another URL');
    }
    if (!this.#nonces.delete(String(header.nonce)) || this.rules.badNonces > 0) {
      this.rules.badNonces = Math.max(0, this.rules.badNonces - 1);
      throw new Problem(400, 'badNonce', 'an unknown nonce');
    }
    const accountUrl = String(header.kid ?? '');
    const jwk = (kind === 'account' ? header.jwk : this.#accounts.get(accountUrl)) as Json;
    if (jwk === undefined) throw new Problem(400, 'accountDoesNotExist', 'an unknown account');
    const signature = Buffer.from(message.signature ?? '', 'base64url');
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const text = Buffer.from(`${message.protected}.${message.payload}`);
    if (!verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, signature)) {
      throw new Problem(400, 'malformed', 'a wrong signature');
    }
    const payload = message.payload === '' ? undefined : decode(message.payload ?? '');
    return { payload, accountUrl, jwk };
  }

  #newAccount(response: ServerResponse, { payload, jwk }: Signed): void {
    const { external } = this.rules;
    if (external !== undefined) checkExternal(external, payload?.externalAccountBinding, jwk);
    if (payload?.termsOfServiceAgreed !== true)
      throw new Problem(400, 'userActionRequired', 'terms');
    const url = `${this.#base}/account/${thumbprintOf(jwk)}`;
    const status = this.#accounts.has(url) ? 200 : 201;
    this.#accounts.set(url, jwk);
    response.setHeader('location', url);
    this.#send(response, status, { status: 'valid' });
  }

  #newOrder(response: ServerResponse, { payload, accountUrl }: Signed): void {
    const [identifier] = (payload?.identifiers ?? []) as { type: string; value: string }[];
    const hostName = identifier?.value ?? '';
    if (this.rules.rejectedNames.has(hostName)) {
      throw new Problem(403, 'rejectedIdentifier', 'policy forbids this name');
    }
    if (this.rules.limitedNames.has(hostName)) throw new Problem(429, 'rateLimited', 'too many');
    const order: Order = {
      id: randomBytes(8).toString('hex'),
      hostName,
      replaces: payload?.replaces as string | undefined,
      profile: payload?.profile as string | undefined,
      account: accountUrl,
      token: randomBytes(16).toString('base64url'),
      status: 'pending',
      authorization: 'pending',
      error: undefined,
      pem: undefined,
    };
    this.orders.push(order);
    const base = this.rules.hasRelativeLocation ? '' : this.#base;
    response.setHeader('location', `${base}/order/${order.id}`);
    this.#send(response, 201, this.#describe(order));
  }

  #describe(order: Order): Json {
    return {
      status: order.status,
      identifiers: [{ type: 'dns', value: order.hostName }],
      authorizations: [`${this.#base}/authorization/${order.id}`],
      finalize: `${this.#base}/finalize/${order.id}`,
      ...(order.error === undefined ? {} : { error: order.error }),
      ...(order.pem === undefined ? {} : { certificate: `${this.#base}/certificate/${order.id}` }),
    };
  }

  #describeAuthorization(order: Order): Json {
    return {
      status: order.authorization,
      identifier: { type: 'dns', value: order.hostName },
      challenges: this.rules.challengeTypes.map((type) => ({
        type,
        token: order.token,
        url: `${this.#base}/challenge/${order.id}/${type}`,
        status: order.authorization,
        ...(order.error === undefined ? {} : { error: order.error }),
      })),
    };
  }

  #challenge(
    response: ServerResponse,
    attempt: { readonly order: Order; readonly signed: Signed; readonly type: string },
  ): void {
    const { order, signed, type } = attempt;
    const expected = `${order.token}.${thumbprintOf(signed.jwk)}`;
    const { httpPort, tlsPort } = this.rules;
    const validation =
      type === 'http-01'
        ? validateHttp(httpPort, order, expected)
        : validateTlsAlpn(tlsPort, order.hostName, expected);
    validation.then(
      () => {
        this.validated.push(type);
        order.authorization = 'valid';
        order.status = 'ready';
      },
      (error: unknown) => {
        order.error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: String(error) };
        order.authorization = 'invalid';
        order.status = 'invalid';
      },
    );
    this.#send(response, 200, { type, status: 'processing' });
  }

  async #finalize(response: ServerResponse, order: Order, { payload }: Signed): Promise<void> {
    if (order.status !== 'ready') throw new Problem(403, 'orderNotReady', order.status);
    order.status = 'processing';
    const csr = Buffer.from(String(payload?.csr), 'base64url');
    const finish = (): void => {
      const nowMs = Date.now();
      const { lifetimeMs } = this.rules;
      const validity = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + lifetimeMs };
      const issued = this.authority.issue(csr, validity);
      if (issued.hostName !== order.hostName) throw new Problem(400, 'badCSR', issued.hostName);
      order.pem = issued.pem;
      order.status = 'valid';
    };
    if (this.rules.heldBy === undefined) finish();
    else void this.rules.heldBy.then(finish);
    this.#send(response, 200, this.#describe(order));
  }

  #send(response: ServerResponse, status: number, body: Json | undefined): void {
    this.#nonce(response);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  }

  #refuse(response: ServerResponse, problem: Problem): void {
    this.#nonce(response);
    response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
    const type = `urn:ietf:params:acme:error:${problem.type}`;
    response.end(JSON.stringify({ type, detail: problem.message, status: problem.status }));
  }

  #nonce(response: ServerResponse): void {
    const nonce = randomBytes(16).toString('base64url');
    this.#nonces.add(nonce);
    response.setHeader('replay-nonce', nonce);
  }
}

function decode(text: string): Json {
  return JSON.parse(Buffer.from(text, 'base64url').toString()) as Json;
}

function thumbprintOf(jwk: Json): string {
  return thumbprint(jwk as unknown as Parameters<typeof thumbprint>[0]);
}

function checkExternal(
  external: { readonly keyId: string; readonly hmacKey: string },
  binding: unknown,
  jwk: Json,
): void {
  const message = (binding ?? {}) as Record<string, string>;
  const header = decode(message.protected ?? 'e30');
  const expected = createHmac('sha256', Buffer.from(external.hmacKey, 'base64url'))
    .update(`${message.protected}.${message.payload}`)
    .digest('base64url');
  const isSame = thumbprintOf(decode(message.payload ?? 'e30')) === thumbprintOf(jwk);
  if (header.kid === external.keyId && message.signature === expected && isSame) return;
  throw new Problem(401, 'externalAccountRequired', 'the binding is wrong');
}
