import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as der from '../../src/tls/der.ts';
import {
  createChallengeCertificate,
  createRequest,
  newCertificateKey,
  readChain,
  renewalIdOf,
} from '../../src/tls/x509.ts';
import { TestAuthority } from '../support/acme-authority.ts';

const YEAR_MS = 365 * 86_400_000;

describe('certificates', () => {
  test('makes a challenge certificate that holds the digest of RFC 8737', () => {
    const digest = createHash('sha256').update('token.thumbprint').digest();
    const key = newCertificateKey();
    const nowMs = Date.UTC(2026, 0, 1);
    const pem = createChallengeCertificate('site.test', { digest, key, nowMs });
    const certificate = new X509Certificate(pem);
    expect(certificate.subjectAltName).toBe('DNS:site.test');
    expect(certificate.checkPrivateKey(key)).toBe(true);
    expect(Date.parse(certificate.validFrom)).toBe(nowMs - 3_600_000);
    const found = der.findExtension(certificate.raw, '1.3.6.1.5.5.7.1.31');
    expect(found).toEqual(Buffer.concat([Buffer.from([4, 32]), digest]));
  });

  test('names a certificate as RFC 9773 does, the serial with its leading zero', () => {
    const authority = new TestAuthority();
    const nowMs = Date.now();
    const ids = Array.from({ length: 16 }, () => {
      const { chainPem } = authority.issueWithKey('site.test', {
        notBeforeMs: nowMs,
        notAfterMs: nowMs + YEAR_MS,
      });
      const certificate = new X509Certificate(chainPem);
      const [keyId = '', serial = ''] = (renewalIdOf(certificate) ?? '').split('.');
      expect(Buffer.from(keyId, 'base64url')).toHaveLength(20);
      const bytes = Buffer.from(serial, 'base64url');
      expect((bytes[0] ?? 0x80) < 0x80).toBe(true);
      expect(BigInt(`0x${bytes.toString('hex')}`)).toBe(BigInt(`0x${certificate.serialNumber}`));
      return serial;
    });
    expect(new Set(ids).size).toBe(16);
  });

  test('writes years from 2050 on with four digits', () => {
    const late = der.time(Date.UTC(2051, 1, 3));
    expect(late.subarray(2).toString()).toBe('20510203000000Z');
    expect(
      der
        .time(Date.UTC(2049, 11, 31))
        .subarray(2)
        .toString(),
    ).toBe('491231000000Z');
  });

  test('reads a chain leaf first and refuses what is no certificate', () => {
    const authority = new TestAuthority();
    const chain = readChain(`${authority.rootPem}\n# between\n${authority.rootPem}`);
    expect(chain).toHaveLength(2);
    expect(readChain('nothing')).toEqual([]);
  });

  test('makes requests that an authority takes', () => {
    const key = newCertificateKey();
    const authority = new TestAuthority();
    const validity = { notBeforeMs: Date.now(), notAfterMs: Date.now() + YEAR_MS };
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.test`;
    const issued = authority.issue(createRequest('site.test', key), validity);
    expect(issued.hostName).toBe('site.test');
    expect(() => createRequest(name, key)).not.toThrow();
  });

  test('stops at DER that is cut off or of an indefinite length', () => {
    for (const bytes of [[0x30], [0x30, 5, 1], [0x30, 0x80, 0, 0], [0x30, 0x82, 1]]) {
      expect(() => der.readElements(Uint8Array.from(bytes))).toThrow(RangeError);
    }
  });
});
