/**
 * What ACME needs of X.509: certificate requests (PKCS#10, RFC 2986), the certificate that answers
 * a tls-alpn-01 challenge (RFC 8737), and reading what an authority issued. Pure but for the
 * randomness of keys.
 */
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import * as der from './der.ts';

const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const commonName = '2.5.4.3';
const extensionRequest = '1.2.840.113549.1.9.14';
const subjectAltName = '2.5.29.17';
const authorityKeyIdentifier = '2.5.29.35';
const acmeIdentifier = '1.3.6.1.5.5.7.1.31';
const challengeValidityMs = 7 * 24 * 3_600_000;
const clockSkewMs = 3_600_000;

/** A new ECDSA P-256 key: what every authority and every client takes. */
export function newCertificateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** A request for a certificate of `hostName` alone, signed by its key. DER. */
export function createRequest(hostName: string, key: KeyObject): Buffer {
  const extensions = der.sequence(nameExtension(hostName));
  const attribute = der.sequence(der.oid(extensionRequest), der.element(der.tags.set, extensions));
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    // The name stands in the extension; a common name would be limited to 64 characters.
    der.sequence(),
    publicKeyInfo(key),
    der.context(0, { isConstructed: true, content: attribute }),
  );
  return signed(info, key);
}

/**
 * The certificate that proves control of `hostName` in a tls-alpn-01 handshake.
 *
 * @param digest SHA-256 of the key authorization (RFC 8737, section 3).
 */
export function createChallengeCertificate(
  hostName: string,
  options: { readonly digest: Uint8Array; readonly key: KeyObject; readonly nowMs: number },
): string {
  const { digest, key, nowMs } = options;
  const identifier = der.sequence(
    der.oid(acmeIdentifier),
    der.booleanTrue(),
    der.octetString(der.octetString(digest)),
  );
  const certificate = createCertificate(publicKeyInfo(key), {
    subject: 'terrafirma challenge',
    issuer: 'terrafirma challenge',
    notBeforeMs: nowMs - clockSkewMs,
    notAfterMs: nowMs + challengeValidityMs,
    extensions: [nameExtension(hostName), identifier],
    signer: key,
  });
  return toPem(certificate);
}

export interface CertificateFields {
  readonly subject: string;
  readonly issuer: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Each a whole Extension, DER. */
  readonly extensions: readonly Uint8Array[];
  readonly signer: KeyObject;
}

/** A version 3 certificate over `publicKey` (SubjectPublicKeyInfo), signed with ECDSA. DER. */
export function createCertificate(publicKey: Uint8Array, fields: CertificateFields): Buffer {
  const serial = randomBytes(16);
  const tbs = der.sequence(
    der.context(0, { isConstructed: true, content: der.integer(Buffer.from([2])) }),
    der.integer(serial),
    algorithm(),
    distinguishedName(fields.issuer),
    der.sequence(der.time(fields.notBeforeMs), der.time(fields.notAfterMs)),
    distinguishedName(fields.subject),
    publicKey,
    der.context(3, { isConstructed: true, content: der.sequence(...fields.extensions) }),
  );
  return signed(tbs, fields.signer);
}

export function nameExtension(hostName: string): Buffer {
  const name = der.context(2, {
    isConstructed: false,
    content: Buffer.from(hostName, 'latin1'),
  });
  return der.sequence(der.oid(subjectAltName), der.octetString(der.sequence(name)));
}

/** SubjectPublicKeyInfo of a private or public key. */
export function publicKeyInfo(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

export function toPem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/**
 * The certificates of a PEM chain, leaf first.
 *
 * @throws Error when one cannot be read
 */
export function readChain(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * How the authority knows a certificate when asked for its renewal window (RFC 9773, section 4.1):
 * key identifier of the issuer, dot, serial number. Undefined when it names no issuer key.
 */
export function renewalIdOf(certificate: X509Certificate): string | undefined {
  const extension = findKeyIdentifier(certificate.raw);
  if (extension === undefined) return undefined;
  const hex = certificate.serialNumber;
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const serial = Buffer.from(even, 'hex');
  // As in DER: a leading zero where the number would look negative.
  const padded = ((serial[0] ?? 0) & 0x80) === 0 ? serial : Buffer.concat([Buffer.of(0), serial]);
  return `${Buffer.from(extension).toString('base64url')}.${padded.toString('base64url')}`;
}

function findKeyIdentifier(certificate: Uint8Array): Uint8Array | undefined {
  const extension = der.findExtension(certificate, authorityKeyIdentifier);
  if (extension === undefined) return undefined;
  const [outer] = der.readElements(extension);
  if (outer === undefined) return undefined;
  return der.readElements(outer.content).find(({ tag }) => tag === 0x80)?.content;
}

function distinguishedName(name: string): Buffer {
  const text = der.element(der.tags.utf8String, Buffer.from(name, 'utf8'));
  return der.sequence(der.element(der.tags.set, der.sequence(der.oid(commonName), text)));
}

function algorithm(): Buffer {
  return der.sequence(der.oid(ecdsaWithSha256));
}

function signed(content: Uint8Array, key: KeyObject): Buffer {
  return der.sequence(content, algorithm(), der.bitString(sign('sha256', content, key)));
}
