/**
 * What a guest is told of a request that failed: a status, and where it wants that, a struct.
 *
 *   ptr ──► u32 tag | u32 mask | u16 DNS rcode | u16 DNS info code | u8 TLS alert | u8 h2 frame
 *           | 2 bytes of nothing | u32 h2 error code                                 (20 bytes)
 *
 * The guest's mask says for which fields it has room; those that were filled stay in it.
 */
import type { FetchFault, FetchFaultType } from '../../../capability/fetch/contract.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Status, status } from '../status.ts';

const structBytes = 20;
const at = { mask: 4, dnsRcode: 8, tlsAlert: 12, http2Frame: 13, http2Code: 16 } as const;
const tagOk = 1;
const bits = { dnsRcode: 2, tlsAlert: 8, http2: 16 } as const;

const tags: Readonly<Record<FetchFaultType, number>> = {
  dns_timeout: 2,
  dns_error: 3,
  destination_not_found: 4,
  destination_unavailable: 5,
  destination_ip_prohibited: 6,
  destination_ip_unroutable: 6,
  connection_refused: 7,
  connection_terminated: 8,
  connection_timeout: 9,
  connection_limit_reached: 10,
  tls_certificate_error: 11,
  tls_configuration_error: 12,
  http_response_incomplete: 13,
  http_response_header_section_size: 14,
  http_response_body_size: 15,
  http_response_timeout: 16,
  http_response_status_invalid: 17,
  http_upgrade_failed: 18,
  http_protocol_error: 19,
  http_request_uri_invalid: 21,
  proxy_internal_error: 22,
  tls_alert_received: 23,
  tls_protocol_error: 24,
  h2_error: 25,
};

const statuses: Readonly<Record<FetchFaultType, Status>> = {
  dns_timeout: status.error,
  dns_error: status.error,
  destination_not_found: status.error,
  destination_unavailable: status.error,
  destination_ip_prohibited: status.error,
  destination_ip_unroutable: status.error,
  connection_refused: status.error,
  connection_terminated: status.httpincomplete,
  connection_timeout: status.error,
  connection_limit_reached: status.limitexceeded,
  tls_certificate_error: status.error,
  tls_configuration_error: status.error,
  http_response_incomplete: status.httpincomplete,
  http_response_header_section_size: status.httpheadtoolarge,
  http_response_body_size: status.limitexceeded,
  http_response_timeout: status.error,
  http_response_status_invalid: status.httpinvalidstatus,
  http_upgrade_failed: status.error,
  http_protocol_error: status.httpinvalid,
  http_request_uri_invalid: status.httpuser,
  proxy_internal_error: status.error,
  tls_alert_received: status.error,
  tls_protocol_error: status.error,
  h2_error: status.error,
};

export function statusOf({ type }: FetchFault): Status {
  return statuses[type];
}

/** 0 is no struct. @throws FastlyFault `inval` */
export function requireDetail(guest: FastlyGuest, ptr: number): void {
  if (ptr !== 0) guest.requireRange(ptr, structBytes);
}

/** `fault` left out: all is well. */
export function writeDetail(guest: FastlyGuest, ptr: number, fault?: FetchFault): void {
  if (ptr === 0) return;
  const start = ptr >>> 0;
  const wanted = guest.readU32(start + at.mask);
  let filled = 0;
  guest.writeU32(start, fault === undefined ? tagOk : tags[fault.type]);
  if (fault?.dnsRcode !== undefined && (wanted & bits.dnsRcode) !== 0) {
    guest.writeU16(start + at.dnsRcode, fault.dnsRcode);
    filled |= bits.dnsRcode;
  }
  if (fault?.tlsAlert !== undefined && (wanted & bits.tlsAlert) !== 0) {
    guest.writeU8(start + at.tlsAlert, fault.tlsAlert);
    filled |= bits.tlsAlert;
  }
  if (fault?.http2 !== undefined && (wanted & bits.http2) !== 0) {
    guest.writeU8(start + at.http2Frame, fault.http2.frame);
    guest.writeU32(start + at.http2Code, fault.http2.code);
    filled |= bits.http2;
  }
  guest.writeU32(start + at.mask, filled);
}
