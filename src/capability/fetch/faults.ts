/** What came between a request and its reply, worked out from what was thrown. Pure. */
import { TerrafirmaError } from '../../errors.ts';
import { CapabilityRefusal, type RefusalKind } from '../refusal.ts';
import type { FetchFault, FetchFaultType } from './contract.ts';

/** A refusal of which more is known than its kind says. */
export class FaultyRefusal extends CapabilityRefusal {
  readonly fault: FetchFault;

  constructor(kind: RefusalKind, message: string, options: ErrorOptions & { fault: FetchFault }) {
    super(kind, message, options);
    this.fault = options.fault;
  }
}

const byCode: ReadonlyMap<string, FetchFaultType> = new Map([
  ['dns-timeout', 'dns_timeout'],
  ['dns-failed', 'dns_error'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_terminated'],
  ['EPIPE', 'connection_terminated'],
  ['UND_ERR_SOCKET', 'connection_terminated'],
  ['UND_ERR_CLOSED', 'connection_terminated'],
  ['ETIMEDOUT', 'connection_timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connection_timeout'],
  ['EHOSTUNREACH', 'destination_unavailable'],
  ['ENETUNREACH', 'destination_ip_unroutable'],
  ['EADDRNOTAVAIL', 'destination_ip_unroutable'],
  ['UND_ERR_HEADERS_TIMEOUT', 'http_response_timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'http_response_timeout'],
  ['UND_ERR_HEADERS_OVERFLOW', 'http_response_header_section_size'],
  ['HPE_HEADER_OVERFLOW', 'http_response_header_section_size'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'http_response_incomplete'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'http_response_body_size'],
  ['HPE_INVALID_STATUS', 'http_response_status_invalid'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error'],
  ['ERR_TLS_CERT_ALTNAME_FORMAT', 'tls_certificate_error'],
]);

/** What OpenSSL says of a chain that it does not believe. */
const certificateCode = /CERT|CRL|SIGNATURE|CHAIN|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH/;
const alertNumber = /SSL alert number (\d{1,3})/;
const http2Code = /NGHTTP2_([A-Z0-9_]+)/;
/** RFC 9113, sections 6.4 and 6.8. */
const resetFrame = 0x03;
const goAwayFrame = 0x07;
/** RFC 9113, section 7, in the order of their numbers. */
const http2Codes = [
  ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT'],
  ...['STREAM_CLOSED', 'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR'],
  ...['CONNECT_ERROR', 'ENHANCE_YOUR_CALM', 'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
];
const causesMax = 8;

const byKind: Readonly<Record<RefusalKind, FetchFaultType>> = {
  input: 'http_request_uri_invalid',
  limit: 'connection_limit_reached',
  forbidden: 'destination_ip_unroutable',
  dns: 'dns_error',
  connection: 'http_protocol_error',
  timeout: 'http_response_timeout',
  abandoned: 'proxy_internal_error',
  unavailable: 'proxy_internal_error',
  full: 'proxy_internal_error',
};

/** The first word that anything says in the chain of causes, or what the kind of refusal says. */
export function faultOf(error: unknown): FetchFault {
  let kind: RefusalKind | undefined;
  let cause = error;
  for (let depth = 0; depth < causesMax && cause instanceof Error; depth += 1) {
    if (cause instanceof FaultyRefusal) return cause.fault;
    if (cause instanceof CapabilityRefusal) kind ??= cause.kind;
    const fault = faultByCode(cause);
    if (fault !== undefined) return fault;
    cause = cause instanceof AggregateError ? (cause.errors[0] ?? cause.cause) : cause.cause;
  }
  return { type: kind === undefined ? 'proxy_internal_error' : byKind[kind] };
}

function faultByCode(error: Error): FetchFault | undefined {
  const code = codeOf(error);
  const type = byCode.get(code);
  if (type === 'dns_error' && error instanceof TerrafirmaError && error.dnsRcode !== undefined) {
    return { type, dnsRcode: error.dnsRcode };
  }
  if (type !== undefined) return { type };
  if (code.startsWith('HPE_')) return { type: 'http_protocol_error' };
  if (code.startsWith('ERR_HTTP2_')) return http2Fault(code, error.message);
  const alert = alertNumber.exec(error.message)?.[1];
  if (alert !== undefined) return { type: 'tls_alert_received', tlsAlert: Number(alert) };
  if (code.startsWith('ERR_SSL_')) return { type: 'tls_protocol_error' };
  return certificateCode.test(code) ? { type: 'tls_certificate_error' } : undefined;
}

function http2Fault(code: string, message: string): FetchFault {
  const http2 = http2Codes.indexOf(http2Code.exec(message)?.[1] ?? '');
  if (http2 < 0) return { type: 'http_protocol_error' };
  const frame = code === 'ERR_HTTP2_SESSION_ERROR' ? goAwayFrame : resetFrame;
  return { type: 'h2_error', http2: { frame, code: http2 } };
}

function codeOf(error: Error): string {
  if (error instanceof TerrafirmaError) return error.code;
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
