/** A certificate authority in memory: issues from certificate requests, as ACME servers do. */
import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import * as der from '../../src/tls/der.ts';
import {
  createCertificate,
  nameExtension,
  newCertificateKey,
  publicKeyInfo,
  toPem,
} from '../../src/tls/x509.ts';

const NAME = 'terrafirma test authority';

export class TestAuthority {
  readonly rootPem: string;
  readonly #key: KeyObject = newCertificateKey();
  readonly #keyId: Buffer;

  constructor(nowMs: number = Date.now()) {
    const info = publicKeyInfo(this.#key);
    this.#keyId = createHash('sha1').update(info).digest();
    const root = createCertificate(info, {
      subject: NAME,
      issuer: NAME,
      notBeforeMs: nowMs - 400 * 86_400_000,
      notAfterMs: nowMs + 400 * 86_400_000,
      extensions: [
        extension('2.5.29.19', der.sequence(der.booleanTrue()), true),
        extension('2.5.29.14', der.octetString(this.#keyId)),
      ],
      signer: this.#key,
    });
    this.rootPem = toPem(root);
  }

  /** A certificate for the public key and the one name of a request, checked like a real one. */
  issue(
    request: Uint8Array,
    validity: { readonly notBeforeMs: number; readonly notAfterMs: number },
  ): { readonly hostName: string; readonly pem: string } {
    const { hostName, publicKey } = readRequest(request);
    return { hostName, pem: this.sign(hostName, publicKey, validity) };
  }

  sign(
    hostName: string,
    publicKey: Uint8Array,
    validity: { readonly notBeforeMs: number; readonly notAfterMs: number },
  ): string {
    const keyIdentifier = der.context(0, { isConstructed: false, content: this.#keyId });
    const leaf = createCertificate(publicKey, {
      subject: hostName.slice(0, 64),
      issuer: NAME,
      ...validity,
      extensions: [
        nameExtension(hostName),
        extension('2.5.29.35', der.sequence(keyIdentifier)),
        extension('2.5.29.37', der.sequence(der.oid('1.3.6.1.5.5.7.3.1'))),
      ],
      signer: this.#key,
    });
    return toPem(leaf);
  }

  /** A certificate and its key for a name, as an operator would bring them. */
  issueWithKey(
    hostName: string,
    validity: { readonly notBeforeMs: number; readonly notAfterMs: number },
  ): { readonly chainPem: string; readonly keyPem: string } {
    const key = newCertificateKey();
    return {
      chainPem: this.sign(hostName, publicKeyInfo(key), validity),
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  hasIssued(pem: string): boolean {
    return new X509Certificate(pem).verify(createPublicKey(this.#key));
  }
}

function extension(dotted: string, content: Uint8Array, isCritical = false): Buffer {
  return der.sequence(
    der.oid(dotted),
    ...(isCritical ? [der.booleanTrue()] : []),
    der.octetString(content),
  );
}

function readRequest(request: Uint8Array): {
  readonly hostName: string;
  readonly publicKey: Uint8Array;
} {
  const [outer] = der.readElements(request);
  const [info, , signature] = der.readElements(outer?.content ?? new Uint8Array(0));
  const fields = der.readElements(info?.content ?? new Uint8Array(0));
  const publicKey = fields[2]?.whole;
  if (info === undefined || signature === undefined || publicKey === undefined) {
    throw new Error('a malformed certificate request');
  }
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  if (!verify('sha256', info.whole, key, signature.content.subarray(1))) {
    throw new Error('a certificate request with a wrong signature');
  }
  // The subject must be empty and the only name the one of the extension.
  const text = Buffer.from(fields.at(-1)?.whole ?? []).toString('latin1');
  const hostName = /\x82[\s\S]([a-z0-9.-]+)$/.exec(text)?.[1] ?? '';
  return { hostName, publicKey };
}
