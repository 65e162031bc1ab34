/**
 * The struct that describes a back-end which a guest adds. Only fields whose bit is set are read:
 * guests of older kits bring a shorter struct.
 *
 *   cfg ──► u32 host | u32 its length | u32 connect, first byte, between bytes, in ms | … 108 bytes
 */
import type { Backend, HealthCheck, TlsVersion } from '../../../capability/fetch/contract.ts';
import { isFieldValue } from '../../../http/fields.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault } from '../status.ts';
import { tlsVersions } from './backend.ts';

const bit = {
  host: 1 << 1,
  connect: 1 << 2,
  firstByte: 1 << 3,
  betweenBytes: 1 << 4,
  tls: 1 << 5,
  tlsMin: 1 << 6,
  tlsMax: 1 << 7,
  certificateHost: 1 << 8,
  ca: 1 << 9,
  ciphers: 1 << 10,
  sni: 1 << 11,
  notPooled: 1 << 12,
  clientCertificate: 1 << 13,
  grpc: 1 << 14,
  keepAlive: 1 << 15,
  pool: 1 << 16,
  preferIpv4: 1 << 17,
  health: 1 << 18,
} as const;
const knownBits = Object.values(bit).reduce((all, each) => all | each, 0);

const at = {
  host: 0,
  connect: 8,
  firstByte: 12,
  betweenBytes: 16,
  tlsMin: 20,
  tlsMax: 24,
  certificateHost: 28,
  ca: 36,
  ciphers: 44,
  sni: 52,
  clientCertificate: 60,
  clientKey: 68,
  httpKeepAlive: 72,
  tcpKeepAlive: 76,
  tcpInterval: 80,
  tcpProbes: 84,
  tcpIdle: 88,
  connectionsMax: 92,
  usesMax: 96,
  lifetime: 100,
  health: 104,
} as const;

const healthAt = {
  interval: 0,
  timeout: 8,
  host: 16,
  method: 24,
  path: 32,
  expectedStatus: 40,
  window: 44,
  threshold: 48,
  initial: 52,
} as const;

const textBytesMax = 1_024;
const pemBytesMax = 65_536;
/** The kit for JavaScript gives every name there is, with those that it does not want. */
const ciphersBytesMax = 8_192;
const msPerSecond = 1_000;
/** Timers hold 31 bits. */
const msMax = 2 ** 31 - 1;
const healthIntervalMsMin = 1_000;
const healthWindowMax = 64;
const ciphersPattern = /^[A-Za-z0-9:+!@=_.-]+$/;
const hostPattern = /^[A-Za-z0-9.[\]:_-]*$/;
const methods = ['GET', 'HEAD'];

/** Everything but where it is; `keyOf` gives the PEM of a secret. */
export type BackendSettings = Omit<Backend, 'address'> & { readonly isTls: boolean };

/** @throws FastlyFault `inval`; HandleError for a key that there is not */
export function readBackendSettings(
  guest: FastlyGuest,
  { mask, ptr }: { readonly mask: number; readonly ptr: number },
  keyOf: (handle: number) => string,
): BackendSettings {
  if ((mask & ~knownBits) !== 0) throw new FastlyFault('inval');
  const fields = new Fields(guest, ptr);
  const has = (wanted: number): boolean => (mask & wanted) !== 0;
  return {
    isTls: has(bit.tls),
    host: has(bit.host) ? headerValue(fields.text(at.host)) : undefined,
    connectTimeoutMs: has(bit.connect) ? fields.ms(at.connect) : undefined,
    firstByteTimeoutMs: has(bit.firstByte) ? fields.ms(at.firstByte) : undefined,
    betweenBytesTimeoutMs: has(bit.betweenBytes) ? fields.ms(at.betweenBytes) : undefined,
    ...readTls(fields, has, keyOf),
    ...(has(bit.keepAlive) ? readKeepAlive(fields) : {}),
    ...(has(bit.pool) ? readPool(fields) : {}),
    // Of a pool of connections that are used once nothing is shared.
    ...(has(bit.notPooled) ? { usesMax: 1 } : {}),
    grpc: has(bit.grpc),
    preferIpv4: has(bit.preferIpv4),
    health: has(bit.health) ? readHealth(guest, fields.number(at.health)) : undefined,
  };
}

type Has = (wanted: number) => boolean;

function readTls(fields: Fields, has: Has, keyOf: (handle: number) => string) {
  const tlsMin = has(bit.tlsMin) ? tlsVersion(fields.number(at.tlsMin)) : undefined;
  const tlsMax = has(bit.tlsMax) ? tlsVersion(fields.number(at.tlsMax)) : undefined;
  if (tlsMin !== undefined && tlsMax !== undefined && tlsMin > tlsMax) {
    throw new FastlyFault('inval');
  }
  return {
    tlsMin,
    tlsMax,
    certificateHost: has(bit.certificateHost)
      ? matching(fields.text(at.certificateHost), hostPattern)
      : undefined,
    ca: has(bit.ca) ? fields.text(at.ca, pemBytesMax) : undefined,
    ciphers: has(bit.ciphers)
      ? matching(fields.text(at.ciphers, ciphersBytesMax), ciphersPattern)
      : undefined,
    sni: has(bit.sni) ? matching(fields.maybeEmpty(at.sni), hostPattern) : undefined,
    ...(has(bit.clientCertificate)
      ? {
          clientCertificate: fields.text(at.clientCertificate, pemBytesMax),
          clientKeyPem: keyOf(fields.number(at.clientKey)),
        }
      : {}),
  };
}

function readKeepAlive(fields: Fields) {
  return {
    keepAliveMs: fields.ms(at.httpKeepAlive) ?? 0,
    tcpKeepAlive: fields.number(at.tcpKeepAlive) !== 0,
    tcpKeepAliveIntervalMs: fields.seconds(at.tcpInterval),
    tcpKeepAliveProbes: unlessZero(fields.number(at.tcpProbes)),
    tcpKeepAliveIdleMs: fields.seconds(at.tcpIdle),
  };
}

function readPool(fields: Fields) {
  return {
    connectionsMax: unlessZero(fields.number(at.connectionsMax)),
    usesMax: unlessZero(fields.number(at.usesMax)),
    lifetimeMs: fields.ms(at.lifetime),
  };
}

function readHealth(guest: FastlyGuest, ptr: number): HealthCheck {
  const fields = new Fields(guest, ptr);
  const method = fields.maybeEmpty(healthAt.method).toUpperCase();
  const path = fields.maybeEmpty(healthAt.path);
  const host = fields.maybeEmpty(healthAt.host);
  const window = unlessZero(fields.number(healthAt.window));
  if (method !== '' && !methods.includes(method)) throw new FastlyFault('inval');
  if (path !== '' && !path.startsWith('/')) throw new FastlyFault('inval');
  return {
    intervalMs: Math.max(healthIntervalMsMin, fields.ms64(healthAt.interval) ?? 0),
    timeoutMs: fields.ms64(healthAt.timeout),
    host: host === '' ? undefined : matching(host, hostPattern),
    method: method === '' ? undefined : method,
    path: path === '' ? undefined : path,
    expectedStatus: unlessZero(fields.number(healthAt.expectedStatus)),
    window: window === undefined ? undefined : Math.min(window, healthWindowMax),
    threshold: unlessZero(fields.number(healthAt.threshold)),
    initial: fields.number(healthAt.initial),
  };
}

/** The fields of one struct. All throw FastlyFault `inval` for what does not lie in memory. */
class Fields {
  readonly #guest: FastlyGuest;
  readonly #start: number;

  constructor(guest: FastlyGuest, ptr: number) {
    this.#guest = guest;
    this.#start = ptr >>> 0;
  }

  number(offset: number): number {
    return this.#guest.readU32(this.#start + offset);
  }

  /** 0 is none. */
  ms(offset: number): number | undefined {
    return unlessZero(Math.min(this.number(offset), msMax));
  }

  ms64(offset: number): number | undefined {
    const value = this.#guest.readU64(this.#start + offset);
    return unlessZero(Number(value < BigInt(msMax) ? value : BigInt(msMax)));
  }

  seconds(offset: number): number | undefined {
    return unlessZero(Math.min(this.number(offset) * msPerSecond, msMax));
  }

  /** Address and length stand side by side. */
  maybeEmpty(offset: number, bytesMax = textBytesMax): string {
    return this.#guest.readText(this.number(offset), this.number(offset + 4), bytesMax);
  }

  text(offset: number, bytesMax = textBytesMax): string {
    const text = this.maybeEmpty(offset, bytesMax);
    if (text === '') throw new FastlyFault('inval');
    return text;
  }
}

function headerValue(text: string): string {
  if (!isFieldValue(text)) throw new FastlyFault('inval');
  return text;
}

function matching(text: string, pattern: RegExp): string {
  if (!pattern.test(text)) throw new FastlyFault('inval');
  return text;
}

function tlsVersion(number: number): TlsVersion {
  const version = tlsVersions[number];
  if (version === undefined) throw new FastlyFault('inval');
  return version;
}

function unlessZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}
