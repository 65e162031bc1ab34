/** What is known of the visitor’s connection. */
import { absent, room } from '../declare.ts';

export const connectionHostcalls = [
  absent('downstream_client_h2_fingerprint', '#the-visitor', [
    ['req', 'handle'],
    ...room('h2fp_out'),
  ]),
  absent('downstream_client_oh_fingerprint', '#the-visitor', [
    ['req', 'handle'],
    ...room('ohfp_out'),
  ]),
  absent('downstream_tls_cipher_openssl_name', '#the-visitor', [
    ['req', 'handle'],
    ...room('cipher_out'),
  ]),
  absent('downstream_tls_protocol', '#the-visitor', [['req', 'handle'], ...room('protocol_out')]),
  absent('downstream_tls_client_hello', '#the-visitor', [['req', 'handle'], ...room('chello_out')]),
  absent('downstream_tls_raw_client_certificate', '#the-visitor', [
    ['req', 'handle'],
    ...room('raw_client_cert_out'),
  ]),
  absent('downstream_tls_client_cert_verify_result', '#the-visitor', [
    ['req', 'handle'],
    ['client_cert_verify_result', 'out_number'],
  ]),
  absent('downstream_tls_client_servername', '#the-visitor', [
    ['req', 'handle'],
    ...room('tls_sni_out'),
  ]),
  absent('downstream_tls_ja3_md5', '#the-visitor', [
    ['req', 'handle'],
    ['cja3_md5_out', 'address'],
    ['num_bytes', 'out_number'],
  ]),
  absent('downstream_tls_ja4', '#the-visitor', [['req', 'handle'], ...room('ja4_out')]),
];

export const oldConnectionHostcalls = [
  absent('downstream_client_h2_fingerprint', '#the-visitor', [...room('h2fp_out')]),
  absent('downstream_client_oh_fingerprint', '#the-visitor', [...room('ohfp_out')]),
  absent('downstream_tls_cipher_openssl_name', '#the-visitor', [...room('cipher_out')]),
  absent('downstream_tls_protocol', '#the-visitor', [...room('protocol_out')]),
  absent('downstream_tls_client_hello', '#the-visitor', [...room('chello_out')]),
  absent('downstream_tls_raw_client_certificate', '#the-visitor', [...room('raw_client_cert_out')]),
  absent('downstream_tls_client_cert_verify_result', '#the-visitor', [
    ['client_cert_verify_result', 'out_number'],
  ]),
  absent('downstream_tls_ja3_md5', '#the-visitor', [
    ['cja3_md5_out', 'address'],
    ['num_bytes', 'out_number'],
  ]),
  absent('downstream_tls_ja4', '#the-visitor', [...room('ja4_out')]),
];
