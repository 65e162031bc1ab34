/**
 * Keys and values of the space of certificates, one space so that one commit can hold what belongs
 * together. Values are JSON, an account's key is PEM. Pure.
 *
 *     account/<directory>      cert/<host name>       fail/<host name>
 *     count/all   count/owner/<owner>                 orders of the last hour, by minutes
 *     count/name/<registered name>   count/folder/<folder key>      of the last week, by hours
 *     challenge/<token>        alpn/<host name>       lock/renewals    lock/name/<host name>
 *     tickets                  keys of session tickets: bytes
 */
import type { BucketShape, TimeBuckets } from '../account/time-buckets.ts';
import type { FolderKey, HostName, OwnerKey } from '../names.ts';
import type { Space } from '../outside/store/contract.ts';

export interface StoredCertificate {
  readonly hostName: HostName;
  readonly chainPem: string;
  readonly keyPem: string;
  /** Which directory issued it. */
  readonly directoryUrl: string;
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
  readonly renewAtMs: number;
  /** When to ask the directory for its renewal window again. */
  readonly windowAskAtMs: number;
}

export interface FailureEntry {
  readonly failures: number;
  readonly untilMs: number;
  readonly reason: string;
}

export const certificateSpace: Space = { area: 'tls', name: 'tls' };

/** Orders in minutes of the last hour. */
export const hourShape: BucketShape = { bucketMs: 60_000, buckets: 60 };
/** Orders in hours of the last week. */
export const weekShape: BucketShape = { bucketMs: 3_600_000, buckets: 168 };

/** Each ends in what it is of. */
export const keys = {
  account: (directoryUrl: string) => bytesOf(`account/${directoryUrl}`),
  certificates: bytesOf('cert/'),
  certificate: (hostName: HostName) => bytesOf(`cert/${hostName}`),
  failure: (hostName: HostName) => bytesOf(`fail/${hostName}`),
  allOrders: bytesOf('count/all'),
  ordersOfOwner: (owner: OwnerKey) => bytesOf(`count/owner/${owner}`),
  ordersOfName: (registeredName: string) => bytesOf(`count/name/${registeredName}`),
  ordersOfFolder: (folderKey: FolderKey) => bytesOf(`count/folder/${folderKey}`),
  httpChallenge: (token: string) => bytesOf(`challenge/${token}`),
  renewalsLease: bytesOf('lock/renewals'),
  orderLease: (hostName: HostName) => bytesOf(`lock/name/${hostName}`),
  accounts: bytesOf('account/'),
  tickets: bytesOf('tickets'),
  alpnChallenge: (hostName: HostName) => bytesOf(`alpn/${hostName}`),
} as const;

/** The host name of a certificate's key; undefined for any other key. */
export function hostNameOf(key: Uint8Array): HostName | undefined {
  const text = Buffer.from(key).toString();
  return text.startsWith('cert/') ? (text.slice('cert/'.length) as HostName) : undefined;
}

/** The host name of a certificate, a failure or an order's lock; undefined for any other key. */
export function orderedNameOf(key: Uint8Array): HostName | undefined {
  const found = /^(?:cert|fail|lock\/name)\/(.+)$/.exec(textOf(key));
  return found === null ? undefined : (found[1] as HostName);
}

/** Whether it is of something that is shown to an authority. */
export function isChallengeKey(key: Uint8Array): boolean {
  return /^(?:challenge|alpn)\//.test(textOf(key));
}

export function encode(value: StoredCertificate | FailureEntry | TimeBuckets): Uint8Array {
  return bytesOf(JSON.stringify(value));
}

/** Undefined for what is none, such as a damaged row: another is ordered in its place. */
export function readCertificate(value: Uint8Array): StoredCertificate | undefined {
  const read = parse<StoredCertificate>(value);
  const { chainPem, directoryUrl, hostName, keyPem } = read;
  const { issuedAtMs, notAfterMs, renewAtMs, windowAskAtMs } = read;
  const isRead =
    [chainPem, directoryUrl, hostName, keyPem].every((each) => typeof each === 'string') &&
    [issuedAtMs, notAfterMs, renewAtMs, windowAskAtMs].every(Number.isFinite);
  return isRead ? (read as StoredCertificate) : undefined;
}

/** Undefined for what is none: the next failure replaces it. */
export function readFailure(value: Uint8Array): FailureEntry | undefined {
  const read = parse<FailureEntry>(value);
  const { failures, reason, untilMs } = read;
  const isRead = [failures, untilMs].every(Number.isFinite) && typeof reason === 'string';
  return isRead ? (read as FailureEntry) : undefined;
}

/** Undefined for what is none: the next order replaces it. */
export function readBuckets(value: Uint8Array): TimeBuckets | undefined {
  const read = parse<TimeBuckets>(value);
  const isRead = Number.isFinite(read.at) && Array.isArray(read.c) && read.c.every(Number.isFinite);
  return isRead ? (read as TimeBuckets) : undefined;
}

function parse<T>(value: Uint8Array): Partial<T> {
  try {
    return Object(JSON.parse(textOf(value)));
  } catch {
    return {};
  }
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}

export function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString();
}
