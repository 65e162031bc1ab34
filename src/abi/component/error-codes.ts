/**
 * Errors of `wasi:http`: what a guest answers with → a status, and what we met → what the guest is
 * told.
 */
import { CapabilityRefusal, type RefusalKind } from '../../capability/refusal.ts';
import type { Variant } from './results.ts';

/** In the order of the interface, with the status of each (RFC 9209, section 2.3). */
const statuses = [
  ['DNS-timeout', 504],
  ['DNS-error', 502],
  ['destination-not-found', 500],
  ['destination-unavailable', 503],
  ['destination-IP-prohibited', 502],
  ['destination-IP-unroutable', 502],
  ['connection-refused', 502],
  ['connection-terminated', 502],
  ['connection-timeout', 504],
  ['connection-read-timeout', 504],
  ['connection-write-timeout', 504],
  ['connection-limit-reached', 503],
  ['TLS-protocol-error', 502],
  ['TLS-certificate-error', 502],
  ['TLS-alert-received', 502],
  ['HTTP-request-denied', 403],
  ['HTTP-request-length-required', 411],
  ['HTTP-request-body-size', 413],
  ['HTTP-request-method-invalid', 405],
  ['HTTP-request-URI-invalid', 400],
  ['HTTP-request-URI-too-long', 414],
  ['HTTP-request-header-section-size', 431],
  ['HTTP-request-header-size', 431],
  ['HTTP-request-trailer-section-size', 431],
  ['HTTP-request-trailer-size', 431],
  ['HTTP-response-incomplete', 502],
  ['HTTP-response-header-section-size', 502],
  ['HTTP-response-header-size', 502],
  ['HTTP-response-body-size', 502],
  ['HTTP-response-trailer-section-size', 502],
  ['HTTP-response-trailer-size', 502],
  ['HTTP-response-transfer-coding', 502],
  ['HTTP-response-content-coding', 502],
  ['HTTP-response-timeout', 504],
  ['HTTP-upgrade-failed', 502],
  ['HTTP-protocol-error', 502],
  ['loop-detected', 502],
  ['configuration-error', 500],
  ['internal-error', 500],
] as const;

export type ErrorName = (typeof statuses)[number][0];

const tags: ReadonlyMap<string, number> = new Map(
  statuses.map(([name], place) => [name, place] as const),
);

/** Names of all cases, in order. */
export const errorNames: readonly string[] = statuses.map(([name]) => name);

export function errorCode(name: ErrorName, value?: unknown): Variant {
  return { tag: tags.get(name) ?? tags.size - 1, value };
}

/** What a visitor gets where the guest has an error in place of an answer. */
export function statusOf({ tag }: Variant): number {
  return statuses[tag]?.[1] ?? 500;
}

export function nameOf({ tag }: Variant): string {
  return statuses[tag]?.[0] ?? 'unknown';
}

/** Only these payloads may be left out: all of them are options. */
const ofRefusals: Readonly<Record<RefusalKind, ErrorName>> = {
  input: 'HTTP-request-URI-invalid',
  limit: 'connection-limit-reached',
  forbidden: 'HTTP-request-denied',
  dns: 'DNS-error',
  connection: 'connection-terminated',
  timeout: 'connection-read-timeout',
  abandoned: 'internal-error',
  unavailable: 'internal-error',
};

const ofSystem: ReadonlyMap<string, ErrorName> = new Map([
  ['ECONNREFUSED', 'connection-refused'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connection-timeout'],
  ['ENETUNREACH', 'destination-IP-unroutable'],
  ['EHOSTUNREACH', 'destination-IP-unroutable'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS-certificate-error'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS-certificate-error'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS-certificate-error'],
  ['CERT_HAS_EXPIRED', 'TLS-certificate-error'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS-certificate-error'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'HTTP-response-incomplete'],
]);

/** What a guest is told of a request that failed, or of a body that broke off. */
export function errorCodeOf(error: unknown): Variant {
  const name = systemErrorOf(error) ?? refusalOf(error) ?? 'internal-error';
  if (name === 'DNS-error') return errorCode(name, ['address not available', undefined]);
  return errorCode(name, name === 'internal-error' ? messageOf(error) : undefined);
}

function refusalOf(error: unknown): ErrorName | undefined {
  return error instanceof CapabilityRefusal ? ofRefusals[error.kind] : undefined;
}

/** The error that the system gave, wherever it stands among the causes. */
function systemErrorOf(error: unknown): ErrorName | undefined {
  let cause: unknown = error;
  for (let depth = 0; depth < 8 && cause instanceof Error; depth += 1) {
    const found = 'code' in cause ? ofSystem.get(String(cause.code)) : undefined;
    if (found !== undefined) return found;
    cause = cause.cause;
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
