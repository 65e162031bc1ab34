import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import type { HostName } from '../../src/names.ts';
import { DirectStore } from '../../src/outside/store/direct-store.ts';
import { takeOverLegacy } from '../../src/outside/store/legacy.ts';
import { openBlobs } from '../../src/outside/store/open.ts';
import { openDatabase, storePath } from '../../src/outside/store/sqlite-schema.ts';
import { certificateSpace, hourShape, keys } from '../../src/tls/records.ts';
import { TlsStore } from '../../src/tls/store.ts';
import { writeOldTls } from '../outside/store/old-files.ts';

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
  let nowMs = 0;
  const opened: DirectStore[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'terrafirma-store-'));
    nowMs = 0;
  });

  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function open(): Promise<TlsStore> {
    const clock = { nowMs: () => nowMs };
    const store = DirectStore.open({
      ...{ databasePath: storePath(directory), synchronous: 'normal', limits: defaultLimits },
      ...{ blobs: openBlobs(directory), ...clock },
    });
    opened.push(store);
    const onTrouble = (error: unknown): never => {
      throw error;
    };
    return TlsStore.open({ store, onTrouble, ...clock });
  }

  test('keeps certificates and account keys, also when it is opened again', async () => {
    const store = await open();
    await store.saveCertificate(certificate);
    expect(await store.accountKeyPem(certificate.directoryUrl, () => 'account')).toBe('account');
    const again = await open();
    expect(await again.certificate(certificate.hostName)).toEqual(certificate);
    const other = (): string => 'another';
    expect(await again.accountKeyPem(certificate.directoryUrl, other)).toBe('account');
    expect(again.countCertificates()).toBe(1);
  });

  test('a row that cannot be read is none, and is replaced', async () => {
    await (await open()).saveCertificate(certificate);
    const other = 'b.test' as HostName;
    for (const text of ['{', 'null', '{"hostName":"b.test"}']) {
      const damaged = [keys.certificate(other), keys.failure(other), keys.allOrders].map(
        (key) => ({ key, op: 'put', value: Buffer.from(text) }) as const,
      );
      await opened[0]?.commit(certificateSpace, damaged, { deadlineMs: 10_000 });
      const store = await open();
      expect(await store.listCertificates(undefined, 10)).toEqual([certificate]);
      expect(await store.certificate(other)).toBeUndefined();
      expect(await store.failure(other)).toBeUndefined();
      await store.setRenewal(other, 70);
      const allows = ([count]: readonly number[]): boolean => count === 0;
      expect(await store.takeOrder([{ key: keys.allOrders, shape: hourShape, allows }])).toBe(
        undefined,
      );
    }
    const store = await open();
    await store.saveCertificate({ ...certificate, hostName: other });
    expect(store.countCertificates()).toBe(2);
  });

  test('two that are new at once have one account', async () => {
    const stores = [await open(), await open()];
    const made = await Promise.all(
      stores.map((store, at) => store.accountKeyPem(certificate.directoryUrl, () => `key ${at}`)),
    );
    expect(new Set(made).size).toBe(1);
  });

  test('says what is due, and forgets what is over', async () => {
    const store = await open();
    expect(store.nextDueMs()).toBeUndefined();
    await store.saveCertificate(certificate);
    expect(store.nextDueMs()).toBe(10);
    expect(await store.dueForRenewal(49, 10)).toEqual([]);
    expect(await store.dueForRenewal(50, 10)).toHaveLength(1);
    await store.setRenewal(certificate.hostName, 70);
    expect(await store.dueForRenewal(69, 10)).toEqual([]);
    expect((await open()).nextDueMs()).toBe(10);
    await store.forgetBefore(101);
    expect(store.countCertificates()).toBe(0);
    expect(await store.certificate(certificate.hostName)).toBeUndefined();
  });

  test('learns of certificates that another process keeps', async () => {
    const store = await open();
    await (await open()).saveCertificate(certificate);
    await expect.poll(() => store.countCertificates()).toBe(1);
  });

  test('counts every order of two that count at once, and no more than are allowed', async () => {
    const stores = [await open(), await open()];
    const key = keys.allOrders;
    const counts = [{ key, shape: hourShape, allows: ([all = 0]: readonly number[]) => all < 25 }];
    const taken = await Promise.all(
      Array.from({ length: 40 }, (_, n) => stores[n % 2]?.takeOrder(counts)),
    );
    expect(taken.filter((full) => full === undefined).length).toBe(25);
    const [first] = stores;
    await first?.giveBackOrder(counts, nowMs);
    expect(await first?.takeOrder(counts)).toBeUndefined();
    expect(await first?.takeOrder(counts)).toBe(counts[0]);
    // A minute counts until all of it is an hour ago.
    nowMs += 60 * 60_000;
    expect(await first?.takeOrder(counts)).toBe(counts[0]);
    nowMs += 60_000;
    expect(await first?.takeOrder(counts)).toBeUndefined();
  });

  test('has what an earlier release kept', async () => {
    nowMs = Date.now();
    writeOldTls(directory, { nowMs, folder: '/keybase/public/alice' });
    const database = openDatabase(storePath(directory));
    takeOverLegacy(database, { directory }, (message) => {
      throw new Error(message);
    });
    database.close();
    const store = await open();
    expect(await store.certificate(certificate.hostName)).toEqual(certificate);
    expect(store.nextDueMs()).toBe(10);
    const account = await store.accountKeyPem(certificate.directoryUrl, () => 'new');
    expect(account).toBe('account key');
    expect(await store.failure('b.test' as HostName)).toMatchObject({ failures: 2, reason: 'no' });
    const key = keys.allOrders;
    const counts = [{ key, shape: hourShape, allows: ([all = 0]: readonly number[]) => all < 2 }];
    expect(await store.takeOrder(counts)).toBe(counts[0]);
  });
});
