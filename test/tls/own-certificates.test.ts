import { generateKeyPairSync } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostName } from '../../src/names.ts';
import { OwnCertificates } from '../../src/tls/own-certificates.ts';
import { publicKeyInfo } from '../../src/tls/x509.ts';
import { TestAuthority } from '../support/acme-authority.ts';

const DAY_MS = 86_400_000;

describe('certificates of the operator', () => {
  const authority = new TestAuthority();
  let directory: string;
  let changes: number;
  let troubles: string[];
  let nowMs: number;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'terrafirma-own-'));
    changes = 0;
    troubles = [];
    nowMs = Date.now();
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function write(name: string, hostName: string): { certificate: string; key: string } {
    const validity = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS };
    const { chainPem, keyPem } = authority.issueWithKey(hostName, validity);
    const files = {
      certificate: join(directory, `${name}.pem`),
      key: join(directory, `${name}.key`),
    };
    writeFileSync(files.certificate, chainPem);
    writeFileSync(files.key, keyPem);
    return files;
  }

  function open(...files: { certificate: string; key: string }[]): Promise<OwnCertificates> {
    return OwnCertificates.open(files, {
      nowMs: () => nowMs,
      onChange: () => {
        changes += 1;
      },
      onTrouble: (message) => troubles.push(message),
    });
  }

  const find = (own: OwnCertificates, name: string) => own.find(name as HostName);

  test('are found by their names; exact ones win over wildcards of one label', async () => {
    const own = await open(write('wild', '*.a.test'), write('exact', 'x.a.test'));
    const exact = find(own, 'x.a.test');
    expect(exact).toBeDefined();
    expect(find(own, 'y.a.test')?.id).not.toBe(exact?.id);
    expect(find(own, 'y.a.test')).toBeDefined();
    expect(find(own, 'z.y.a.test')).toBeUndefined();
    expect(find(own, 'a.test')).toBeUndefined();
    expect(find(own, 'b.test')).toBeUndefined();
    expect(own.first()?.id).toBe(find(own, 'y.a.test')?.id);
  });

  test('are read again when their files change', async () => {
    const files = write('one', 'a.test');
    const own = await open(files);
    const before = find(own, 'a.test')?.id;
    await own.check();
    expect(changes).toBe(0);
    write('one', 'a.test');
    await own.check();
    expect(changes).toBe(1);
    expect(find(own, 'a.test')?.id).not.toBe(before);
  });

  test('are read again when a link is swapped, as tools do it', async () => {
    write('old', 'a.test');
    write('new', 'b.test');
    const link = (name: string): void => {
      for (const ending of ['pem', 'key']) {
        symlinkSync(join(directory, `${name}.${ending}`), join(directory, `next.${ending}`));
        renameSync(join(directory, `next.${ending}`), join(directory, `live.${ending}`));
      }
    };
    link('old');
    const own = await open({
      certificate: join(directory, 'live.pem'),
      key: join(directory, 'live.key'),
    });
    link('new');
    await own.check();
    expect(find(own, 'b.test')).toBeDefined();
  });

  test('that are half written leave the ones before in force, with one complaint', async () => {
    const files = write('one', 'a.test');
    const own = await open(files);
    const before = find(own, 'a.test')?.id;
    writeFileSync(files.certificate, '-----BEGIN CERTIFICATE-----\nMIIB');
    await own.check();
    await own.check();
    expect(find(own, 'a.test')?.id).toBe(before);
    expect(troubles).toHaveLength(1);
    write('one', 'a.test');
    await own.check();
    expect(find(own, 'a.test')?.id).not.toBe(before);
  });

  test('whose chain is half written leave the ones before in force', async () => {
    const files = write('one', 'a.test');
    const own = await open(files);
    const before = find(own, 'a.test')?.id;
    appendFileSync(files.certificate, '-----BEGIN CERTIFICATE-----\nMIIB');
    await own.check();
    expect(find(own, 'a.test')?.id).toBe(before);
    expect(troubles).toEqual([expect.stringContaining('one.pem')]);
    await expect(open(files)).rejects.toMatchObject({ code: 'config' });
  });

  test('are each complained of once, however many are broken', async () => {
    const broken = [write('one', 'a.test'), write('two', 'b.test')];
    const own = await open(...broken);
    for (const { certificate } of broken) writeFileSync(certificate, 'nothing');
    for (let looks = 0; looks < 3; looks += 1) await own.check();
    expect(troubles).toHaveLength(2);
  });

  test('that have ended are shown, and complained of once', async () => {
    const own = await open(write('one', 'a.test'));
    await own.check();
    expect(troubles).toEqual([]);
    nowMs += 2 * DAY_MS;
    for (let looks = 0; looks < 3; looks += 1) await own.check();
    expect(troubles).toEqual([expect.stringMatching(/one\.pem ended at 20/)]);
    expect(find(own, 'a.test')).toBeDefined();
    await open(write('two', 'b.test'));
    expect(troubles).toHaveLength(2);
  });

  test('with a key that is too weak, or locked, are refused at the start', async () => {
    const files = write('one', 'a.test');
    const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS };
    const publicKey = publicKeyInfo(key);
    writeFileSync(files.certificate, authority.sign('a.test', publicKey, validity));
    writeFileSync(files.key, key.export({ type: 'pkcs8', format: 'pem' }));
    await expect(open(files)).rejects.toThrow(/key too small/);
    const locked = {
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    } as const;
    writeFileSync(files.key, key.export(locked));
    await expect(open(files)).rejects.toThrow(/passphrase/);
  });

  test('with the key of another are refused at the start', async () => {
    const one = write('one', 'a.test');
    const two = write('two', 'a.test');
    await expect(open({ certificate: one.certificate, key: two.key })).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('one.pem'),
    });
    await expect(open({ certificate: '/nowhere.pem', key: two.key })).rejects.toThrow(/nowhere/);
  });
});
