/**
 * Errors of `wasi:http`: what a guest answers with → a status, and what we met → what the guest is
 * told.
 */
import type { FetchFault, FetchFaultType } from '../../capability/fetch/contract.ts';
import { CapabilityRefusal, type RefusalKind } from '../../capability/refusal.ts';
import { TerrafirmaError } from '../../errors.ts';
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
  full: 'internal-error',
};

/** Those that have no more to say than their name. */
const ofFaults: Readonly<Partial<Record<FetchFaultType, ErrorName>>> = {
  dns_timeout: 'DNS-timeout',
  dns_error: 'DNS-error',
  destination_not_found: 'destination-not-found',
  destination_unavailable: 'destination-unavailable',
  destination_ip_prohibited: 'destination-IP-prohibited',
  destination_ip_unroutable: 'destination-IP-unroutable',
  connection_refused: 'connection-refused',
  connection_terminated: 'connection-terminated',
  connection_timeout: 'connection-timeout',
  connection_limit_reached: 'connection-limit-reached',
  tls_certificate_error: 'TLS-certificate-error',
  tls_configuration_error: 'TLS-protocol-error',
  tls_alert_received: 'TLS-alert-received',
  tls_protocol_error: 'TLS-protocol-error',
  http_request_uri_invalid: 'HTTP-request-URI-invalid',
  http_response_incomplete: 'HTTP-response-incomplete',
  http_response_header_section_size: 'HTTP-response-header-section-size',
  http_response_body_size: 'HTTP-response-body-size',
  http_response_timeout: 'connection-read-timeout',
  http_response_status_invalid: 'HTTP-protocol-error',
  http_upgrade_failed: 'HTTP-upgrade-failed',
  http_protocol_error: 'HTTP-protocol-error',
  h2_error: 'HTTP-protocol-error',
};

/**
 * What a guest is told of a request that failed, or of a body that broke off.
 *
 * @param faultOf What `Fetch` knows of it, where it was sent by that.
 */
export function errorCodeOf(
  error: unknown,
  faultOf?: { faultOf(error: unknown): FetchFault },
): Variant {
  if (error instanceof TerrafirmaError && error.code === 'loop') return errorCode('loop-detected');
  const fault = isPolicy(error) ? undefined : faultOf?.faultOf(error);
  const name = (fault && ofFaults[fault.type]) ?? refusalOf(error) ?? 'internal-error';
  if (name === 'DNS-error') return errorCode(name, ['address not available', undefined]);
  if (name === 'TLS-alert-received') return errorCode(name, [fault?.tlsAlert, undefined]);
  return errorCode(name, name === 'internal-error' ? messageOf(error) : undefined);
}

/** What the folder or the operator forbids, apart from the addresses that nobody may reach. */
function isPolicy(error: unknown): boolean {
  return error instanceof CapabilityRefusal && error.kind === 'forbidden' && !('fault' in error);
}

function refusalOf(error: unknown): ErrorName | undefined {
  return error instanceof CapabilityRefusal ? ofRefusals[error.kind] : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
