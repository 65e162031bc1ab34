import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostName } from '../../src/names.ts';
import { TlsStore } from '../../src/tls/store.ts';

const certificate = {
  hostName: 'a.test' as HostName,
  chainPem: 'chain',
  keyPem: 'key',
  directoryUrl: 'https://ca.test/directory',
  issuedAtMs: 1,
  notAfterMs: 100,
  renewAtMs: 50,
  windowAskAtMs: 10,
};

describe('the store of certificates', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'terrafirma-store-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('keeps certificates and account keys, readable by their owner alone', () => {
    const store = TlsStore.open(directory, 0);
    store.saveCertificate(certificate);
    store.saveAccountKey(certificate.directoryUrl, 'account');
    for (const name of readdirSync(directory)) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    store.close();
    const again = TlsStore.open(directory, 0);
    expect(again.certificate(certificate.hostName)).toEqual(certificate);
    expect(again.accountKeyPem(certificate.directoryUrl)).toBe('account');
    expect(again.damagedFile).toBeUndefined();
    again.close();
  });

  test('takes permissions back that are too wide', () => {
    writeFileSync(join(directory, 'tls.sqlite'), '', { mode: 0o644 });
    TlsStore.open(directory, 0).close();
    expect(statSync(join(directory, 'tls.sqlite')).mode & 0o777).toBe(0o600);
  });

  test('puts a damaged file aside and begins anew', () => {
    writeFileSync(join(directory, 'tls.sqlite'), 'this is no database'.repeat(100));
    const store = TlsStore.open(directory, 7);
    expect(store.damagedFile).toBe(join(directory, 'tls.sqlite.damaged-7'));
    store.saveCertificate(certificate);
    expect(store.countCertificates()).toBe(1);
    store.close();
  });

  test('says what is due, and forgets what is over', () => {
    const store = TlsStore.open(directory, 0);
    expect(store.nextDueMs()).toBeUndefined();
    store.saveCertificate(certificate);
    expect(store.nextDueMs()).toBe(10);
    expect(store.dueForRenewal(49, 10)).toEqual([]);
    expect(store.dueForRenewal(50, 10)).toHaveLength(1);
    store.forgetBefore({ expiredMs: 101, ordersMs: 0 });
    expect(store.countCertificates()).toBe(0);
    store.close();
  });
});
