/** Signed requests of ACME (RFC 8555, section 6.2; RFC 7515). Pure. */
import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** A flattened JWS, as ACME sends it. */
export interface SignedMessage {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** The public half of an ECDSA P-256 key, members in the order of their thumbprint. */
export interface PublicJwk {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
  readonly y: string;
}

export interface SignOptions {
  readonly key: KeyObject;
  readonly url: string;
  readonly nonce: string;
  /** The account's URL; undefined before there is one, when the key itself is sent. */
  readonly accountUrl: string | undefined;
}

/** Signs `payload`; undefined is POST-as-GET (RFC 8555, section 6.3). */
export function signMessage(payload: object | undefined, options: SignOptions): SignedMessage {
  const { key, url, nonce, accountUrl } = options;
  const identity = accountUrl === undefined ? { jwk: publicJwk(key) } : { kid: accountUrl };
  const header = encode({ alg: 'ES256', nonce, url, ...identity });
  const body = payload === undefined ? '' : encode(payload);
  const signature = sign('sha256', Buffer.from(`${header}.${body}`), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  return { protected: header, payload: body, signature: signature.toString('base64url') };
}

export interface ExternalAccount {
  readonly keyId: string;
  /** As the authority handed it out: base64url. */
  readonly hmacKey: string;
}

/** Binds a new account to one that the authority knows already (RFC 8555, section 7.3.4). */
export function bindExternalAccount(
  external: ExternalAccount,
  options: { readonly key: KeyObject; readonly url: string },
): SignedMessage {
  const header = encode({ alg: 'HS256', kid: external.keyId, url: options.url });
  const body = encode(publicJwk(options.key));
  const signature = createHmac('sha256', Buffer.from(external.hmacKey, 'base64url'))
    .update(`${header}.${body}`)
    .digest('base64url');
  return { protected: header, payload: body, signature };
}

/** What a challenge has to show: the token and the account key's thumbprint (section 8.1). */
export function keyAuthorization(token: string, key: KeyObject): string {
  return `${token}.${thumbprint(publicJwk(key))}`;
}

/** RFC 7638. */
export function thumbprint(jwk: PublicJwk): string {
  const { crv, kty, x, y } = jwk;
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}

export function publicJwk(key: KeyObject): PublicJwk {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const { crv = '', kty = '', x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return { crv, kty, x, y };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
