/** Builds what orders, keeps and hands out certificates from the configuration. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AcmeConfig, Config } from '../config/config.ts';
import { describeError, TerrafirmaError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { HostName } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { SharedStore } from '../outside/store/contract.ts';
import { KeptStore } from '../outside/store/kept-store.ts';
import { Lease } from '../outside/store/leases.ts';
import { SealingStore } from '../outside/store/sealing-store.ts';
import { AcmeClient } from '../tls/acme/client.ts';
import type { ExternalAccount } from '../tls/acme/jws.ts';
import { AcmeOpening, type AcmeOpeningOptions, type AcmeParts } from '../tls/acme-opening.ts';
import { Admission, canonicalAddress, type ServedName } from '../tls/admission.ts';
import { Certificates } from '../tls/certificates.ts';
import { Challenges } from '../tls/challenges.ts';
import { Directories } from '../tls/directories.ts';
import { OrderGate } from '../tls/gate.ts';
import { Orders, orderLockMs } from '../tls/orders.ts';
import { OwnCertificates } from '../tls/own-certificates.ts';
import { certificateSpace, keys } from '../tls/records.ts';
import { Renewals } from '../tls/renewals.ts';
import { TlsStore } from '../tls/store.ts';
import { newCertificateKey } from '../tls/x509.ts';
import { readKeys } from './site-stores.ts';

export interface CertificatesParts {
  readonly config: Config;
  readonly journal: Journal;
  readonly resolver: Resolver;
  readonly store: SharedStore;
  /** Whether this node's clock agrees with those of other nodes, by which orders are counted. */
  readonly isClockTrusted: () => boolean;
  readonly servedName: (hostName: HostName, clientAddress?: string) => Promise<ServedName>;
  /** Certificates that the threads hold are out of date. */
  readonly onChange: () => void;
}

const staging = 'https://acme-staging-v02.api.letsencrypt.org/directory';
const ownFilesLookMs = 5_000;
const acmeRequestTimeoutMs = 20_000;
const orderTimeoutMs = 120_000;
/** Three times as long as between two looks. */
const renewalsLeaseMs = 180_000;

/**
 * Opens the certificates; undefined when there is no TLS.
 *
 * @throws TerrafirmaError `config` (a file that cannot be used), `state`.
 */
export async function openCertificates(
  parts: CertificatesParts,
): Promise<Certificates | undefined> {
  const { config, journal, onChange } = parts;
  if (config.tls.listen.length === 0) return undefined;
  const own = await OwnCertificates.open(config.tls.certificates, {
    nowMs: Date.now,
    onChange: () => {
      journal.tell('certificates-read-again', {});
      onChange();
    },
    onTrouble: (reason) => journal.tell('certificates-not-usable', { reason }),
  });
  const isOrdering = config.acme.isAgreed && config.folder === undefined;
  const acme = isOrdering ? new AcmeOpening(openingOf(parts)) : undefined;
  await acme?.begin();
  own.watch(ownFilesLookMs);
  return new Certificates({ own, acme, onRenewed: onChange, nowMs: Date.now });
}

function openingOf(parts: CertificatesParts): AcmeOpeningOptions {
  const { journal, onChange } = parts;
  return {
    open: () => openAcme(parts),
    onLate: onChange,
    onTrouble: (reason) => {
      const words = `no certificates are ordered or kept until it can be: ${reason}`;
      journal.tell('certificates-not-usable', { reason: words });
    },
  };
}

async function openAcme(parts: CertificatesParts): Promise<AcmeParts> {
  const { config, journal } = parts;
  const { acme } = config;
  const caPem = acme.caFile === undefined ? undefined : await readSetting(acme.caFile, 'ca_file');
  const external = await readExternal(acme);
  const onStoreTrouble = (error: unknown): void =>
    journal.tell('acme-trouble', { reason: describeError(error) });
  const shared = await openCertificateStore(parts, onStoreTrouble);
  const opening = { store: shared, nowMs: Date.now, onTrouble: onStoreTrouble };
  const store = await TlsStore.open(opening);
  const challenges = new Challenges(opening);
  try {
    return await openOrders(parts, { shared, store, challenges, caPem, external });
  } catch (error) {
    // It is tried again, with watches of its own.
    challenges.close();
    store.close();
    throw error;
  }
}

/** Rejects with StoreError where the account cannot be read or made. */
async function openOrders(
  parts: CertificatesParts,
  from: Pick<AcmeParts, 'store' | 'challenges'> & {
    readonly shared: SharedStore;
    readonly caPem: string | undefined;
    readonly external: ExternalAccount | undefined;
  },
): Promise<AcmeParts> {
  const { config, isClockTrusted, journal, resolver, servedName, onChange } = parts;
  const { acme, limits } = config;
  const { caPem, challenges, external, shared, store } = from;
  const urls = acme.isStaging ? [staging] : acme.directories;
  const clients = await Promise.all(
    urls.map(
      async (directoryUrl) =>
        new AcmeClient({
          directoryUrl,
          accountKey: await openAccountKey(store, directoryUrl),
          contacts: acme.contacts,
          external,
          profile: acme.profile,
          challengeTypes: acme.challengeTypes,
          stage: challenges,
          caPem,
          requestTimeoutMs: acmeRequestTimeoutMs,
          orderTimeoutMs: orderTimeoutMs,
          nowMs: Date.now,
          wait: (delayMs) => wait(delayMs, undefined, { ref: false }),
          random: Math.random,
        }),
    ),
  );
  const onTrouble = (reason: string): void => journal.tell('acme-trouble', { reason });
  const directories = new Directories({ clients, nowMs: Date.now, onTrouble });
  const publicAddresses = acme.publicAddresses.map(readAddress);
  const admission = new Admission({ servedName, resolver, publicAddresses });
  const gate = new OrderGate({ limits, store, nowMs: Date.now });
  const common = { store, directories, journal, nowMs: Date.now, random: Math.random };
  const isAlone = config.cluster.servers.length === 0;
  const leasing = { store: shared, space: certificateSpace, nowMs: () => performance.now() };
  const lockOf = (hostName: HostName): Lease =>
    new Lease({ ...leasing, key: keys.orderLease(hostName), ttlMs: orderLockMs });
  const several = isAlone ? {} : { lockOf, isClockTrusted };
  const orders = new Orders({ ...common, limits, admission, gate, ...several });
  const lease = new Lease({
    ...{ ...leasing, key: keys.renewalsLease, ttlMs: renewalsLeaseMs, isAlone },
  });
  const renewals = new Renewals({ ...common, orders, lease, onRenewed: onChange });
  return { store, orders, directories, challenges, renewals };
}

/** Of several nodes: sealed before it leaves this one, and kept for when the engine is away. */
async function openCertificateStore(
  { config, store }: CertificatesParts,
  onTrouble: (error: unknown) => void,
): Promise<SharedStore> {
  if (config.cluster.servers.length === 0) return store;
  const { sealKeyFile } = config.cluster;
  if (sealKeyFile === undefined) {
    const rule = 'cluster.seal_key_file must be set where certificates are ordered';
    throw new TerrafirmaError('config', `Cannot use ACME: ${rule}: received nothing`);
  }
  const directory = join(config.stateDirectory, 'kept');
  const prefixes = [keys.certificates, keys.accounts];
  const kept = new KeptStore({ store, directory, prefixes, onTrouble });
  return new SealingStore(kept, await readKeys(sealKeyFile));
}

/** One key a directory, kept: a new account every start would soon be one too many. */
async function openAccountKey(store: TlsStore, directoryUrl: string): Promise<KeyObject> {
  const make = (): string =>
    newCertificateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
  return createPrivateKey(await store.accountKeyPem(directoryUrl, make));
}

async function readExternal(acme: AcmeConfig): Promise<ExternalAccount | undefined> {
  const { externalKeyId: keyId, externalKeyFile } = acme;
  if (keyId === undefined && externalKeyFile === undefined) return undefined;
  if (keyId === undefined || externalKeyFile === undefined) {
    const rule = 'acme.external_key_id and acme.external_key_file must be set together';
    throw new TerrafirmaError('config', `Cannot use ACME: ${rule}: received only one of them`);
  }
  const hmacKey = (await readSetting(externalKeyFile, 'external_key_file')).trim();
  if (/^[A-Za-z0-9_-]{16,}$/.test(hmacKey)) return { keyId, hmacKey };
  const rule = 'acme.external_key_file must hold a base64url key';
  throw new TerrafirmaError('config', `Cannot use ACME: ${rule}: received something else`);
}

async function readSetting(file: string, key: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const detail = `Cannot use ACME: acme.${key} must be a readable file: received ${reason}`;
    throw new TerrafirmaError('config', detail, { cause });
  }
}

/** As `Admission` compares addresses. */
function readAddress(address: string): string {
  if (isIPv4(address)) return canonicalAddress(Uint8Array.from(address.split('.').map(Number)));
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const [left = [], right = []] = groups.map((half) => half.split(':').filter((g) => g !== ''));
  const gap = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...gap, ...right].map((group) => group.padStart(4, '0')).join('');
}
