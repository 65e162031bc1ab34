/**
 * What is known of the visitor's connection. Guests take it that a request by https: has all of
 * this, and those in Go end where one is not there: so where the handshake was a proxy's, or there
 * is no more than a part, the rest is told as nothing, with `ok`.
 */
import { Buffer } from 'node:buffer';
import type { ConnectionFacts, TlsFacts } from '../../../http/connection-facts.ts';
import type { RequestHead } from '../../../http/message.ts';
import { absent, room } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { status } from '../status.ts';
import { aboutVisitor } from './visitor.ts';

type Known = string | Uint8Array;
type Read = (guest: FastlyGuest, head: RequestHead) => Known | undefined;

const spec = '#the-visitor';
const hashBytes = 16;

const facts = [
  roomFor('downstream_client_h2_fingerprint', 'h2fp_out', {
    meaning: 'SETTINGS, WINDOW_UPDATE, PRIORITY, pseudo-headers; `none` where not all is known',
    read: (guest) => connectionOf(guest).http2Fingerprint,
  }),
  roomFor('downstream_tls_cipher_openssl_name', 'cipher_out', {
    meaning: 'such as `TLS_AES_128_GCM_SHA256`',
    read: ofTls(({ cipher }) => cipher),
  }),
  roomFor('downstream_tls_protocol', 'protocol_out', {
    meaning: 'such as `TLSv1.3`',
    read: ofTls(({ protocol }) => protocol),
  }),
  roomFor('downstream_tls_client_hello', 'chello_out', {
    meaning: 'the handshake message, up to 4 KiB',
    read: ofTls(({ clientHello }) => clientHello),
  }),
  roomFor('downstream_tls_ja4', 'ja4_out', { read: ofTls(({ ja4 }) => ja4) }),
  aboutVisitor({
    name: 'downstream_tls_ja3_md5',
    oldName: 'downstream_tls_ja3_md5',
    params: [
      ['cja3_md5_out', 'address'],
      ['num_bytes', 'out_number'],
    ],
    meaning: '16 bytes; zeros where the hello is not known',
    act: (guest, head, ptr, written) => {
      guest.requireRange(ptr, hashBytes);
      guest.requireRange(written, 4);
      const hash = readJa3(guest, head);
      if (hash === undefined) return status.none;
      guest.writeBytes(ptr, Buffer.from(hash));
      return guest.writeU32(written, hash.length);
    },
  }),
];

const serverName = roomFor('downstream_tls_client_servername', 'tls_sni_out', {
  meaning: 'empty when the client named nobody',
  read: ofTls((tls) => tls.serverName),
});

/** The client is asked for no certificate, and nobody hides who asks (Oblivious HTTP). */
const nothing = [
  ['downstream_client_oh_fingerprint', room('ohfp_out')],
  ['downstream_tls_raw_client_certificate', room('raw_client_cert_out')],
  ['downstream_tls_client_cert_verify_result', [['client_cert_verify_result', 'out_number']]],
] as const;

export const connectionHostcalls = [
  ...[...facts, serverName].map(({ now }) => now),
  ...nothing.map(([name, params]) => absent(name, spec, [['req', 'handle'], ...params])),
];

export const oldConnectionHostcalls = [
  ...facts.map(({ old }) => old),
  ...nothing.map(([name, params]) => absent(name, spec, params)),
];

function roomFor(
  name: string,
  out: string,
  { meaning = '', read }: { readonly meaning?: string; readonly read: Read },
) {
  return aboutVisitor({
    ...{ name, oldName: name, params: room(out), meaning },
    act: (guest, head, ptr, len, written) => {
      const known = read(guest, head);
      return known === undefined ? status.none : guest.give({ ptr, len, written }, known);
    },
  });
}

function connectionOf({ run }: FastlyGuest): ConnectionFacts {
  return run.exchange.connection;
}

/** Undefined for plain HTTP; empty where the fact is not known. */
function ofTls(read: (facts: TlsFacts) => Known | undefined): Read {
  return (guest, { scheme }) => {
    const { tls } = connectionOf(guest);
    if (tls === undefined) return scheme === 'https' ? '' : undefined;
    return read(tls) ?? '';
  };
}

function readJa3(guest: FastlyGuest, { scheme }: RequestHead): Uint8Array | undefined {
  const { tls } = connectionOf(guest);
  if (tls === undefined && scheme === 'http') return undefined;
  return tls?.ja3 ?? new Uint8Array(hashBytes);
}
