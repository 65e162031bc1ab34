import { describe, expect, test } from 'vitest';
import { noConnection, type TlsFacts } from '../../../src/http/connection-facts.ts';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../support/fastly-puppet.ts';

const DOWN = 'fastly_http_downstream';
const REQ = 'fastly_http_req';

const tls: TlsFacts = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  serverName: 'a.test',
  clientHello: Buffer.from([1, 0, 0, 2, 0, 0xff]),
  ja3: Buffer.from('ada70206e40642a3e4461f35503241d5', 'hex'),
  ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1',
};

/** Functions that give text or bytes, and what they are to give. */
const rooms = [
  ['downstream_tls_protocol', tls.protocol],
  ['downstream_tls_cipher_openssl_name', tls.cipher],
  ['downstream_tls_client_hello', Buffer.from(tls.clientHello ?? []).toString('latin1')],
  ['downstream_tls_ja4', tls.ja4 ?? ''],
] as const;

async function visited(
  scheme: 'http' | 'https',
  facts: Partial<typeof noConnection> = {},
): Promise<{ readonly puppet: FastlyPuppet; readonly request: number }> {
  const puppet = await createFastlyPuppet({ request: { scheme } });
  puppet.exchange.connection = { ...noConnection, ...facts };
  const { request } = await puppet.downstream();
  return { puppet, request };
}

async function ja3Of(puppet: FastlyPuppet, ...handle: readonly number[]): Promise<string> {
  const module = handle.length === 0 ? REQ : DOWN;
  expect(await puppet.call(`${module}.downstream_tls_ja3_md5`, ...handle, 64, 100)).toBe(0);
  return puppet.bytes.subarray(64, 64 + puppet.u32(100)).toString('hex');
}

describe('the handshake of the visitor', () => {
  test.each(rooms)('%s, by handle and without', async (name, text) => {
    const { puppet, request } = await visited('https', { tls });
    const given = { status: 0, text };
    expect(await puppet.value(`${DOWN}.${name}`, request)).toMatchObject(given);
    expect(await puppet.value(`${REQ}.${name}`)).toMatchObject(given);
    const short = await puppet.valueIn(text.length - 1, `${DOWN}.${name}`, request);
    expect(short).toMatchObject({ status: 4, written: text.length });
  });

  test('the name, and the hash of JA3', async () => {
    const { puppet, request } = await visited('https', { tls });
    const name = await puppet.value(`${DOWN}.downstream_tls_client_servername`, request);
    expect(name).toMatchObject({ status: 0, text: 'a.test' });
    const hash = 'ada70206e40642a3e4461f35503241d5';
    expect([await ja3Of(puppet, request), await ja3Of(puppet)]).toEqual([hash, hash]);
    const ja3 = `${DOWN}.downstream_tls_ja3_md5`;
    expect(await puppet.call(ja3, request, END - 15, 8)).toBe(2);
    expect(await puppet.call(ja3, request, 8, END - 3)).toBe(2);
    expect(await puppet.call(ja3, 99, 8, 64)).toBe(3);
  });

  test('of plain HTTP is none', async () => {
    const { puppet, request } = await visited('http');
    for (const [name] of rooms) {
      expect((await puppet.value(`${DOWN}.${name}`, request)).status).toBe(10);
      expect((await puppet.value(`${REQ}.${name}`)).status).toBe(10);
    }
    const name = await puppet.value(`${DOWN}.downstream_tls_client_servername`, request);
    expect(name.status).toBe(10);
    expect(await puppet.call(`${DOWN}.downstream_tls_ja3_md5`, request, 8, 64)).toBe(10);
  });

  test('that a proxy had is told as nothing, and as ok', async () => {
    const { puppet, request } = await visited('https');
    for (const [name] of rooms) {
      const given = await puppet.value(`${DOWN}.${name}`, request);
      expect(given).toMatchObject({ status: 0, text: '' });
    }
    expect(await ja3Of(puppet, request)).toBe('00'.repeat(16));
  });

  test('with a hello that is not kept is told without it', async () => {
    const parts = { clientHello: undefined, ja3: undefined, ja4: undefined };
    const { puppet, request } = await visited('https', {
      tls: { ...tls, ...parts, serverName: undefined },
    });
    const text = async (name: string): Promise<string> =>
      (await puppet.value(`${DOWN}.downstream_tls_${name}`, request)).text;
    expect(await text('protocol')).toBe('TLSv1.3');
    for (const name of ['client_hello', 'ja4', 'client_servername']) {
      expect(await text(name)).toBe('');
    }
    expect(await ja3Of(puppet, request)).toBe('00'.repeat(16));
  });

  test('asks for no certificate', async () => {
    const { puppet, request } = await visited('https', { tls });
    const certificate = `${DOWN}.downstream_tls_raw_client_certificate`;
    expect((await puppet.value(certificate, request)).status).toBe(10);
    const verified = 'downstream_tls_client_cert_verify_result';
    expect(await puppet.call(`${DOWN}.${verified}`, request, 8)).toBe(10);
    expect(await puppet.call(`${REQ}.${verified}`, 8)).toBe(10);
  });

  test('of a request of its own is none', async () => {
    const { puppet } = await visited('https', { tls });
    const own = await puppet.number(`${REQ}.new`);
    expect((await puppet.value(`${DOWN}.downstream_tls_protocol`, own)).status).toBe(10);
    expect((await puppet.value(`${DOWN}.downstream_tls_protocol`, 99)).status).toBe(3);
  });
});

describe('the connection of the visitor', () => {
  const fingerprint = '1:65536;4:131072|12517377|0|m,p,a,s';

  test('tells how HTTP/2 was opened, where that is known', async () => {
    const known = await visited('https', { tls, http2Fingerprint: fingerprint });
    const name = 'downstream_client_h2_fingerprint';
    const given = { status: 0, text: fingerprint };
    expect(await known.puppet.value(`${DOWN}.${name}`, known.request)).toMatchObject(given);
    expect(await known.puppet.value(`${REQ}.${name}`)).toMatchObject(given);
    const unknown = await visited('https', { tls });
    expect((await unknown.puppet.value(`${DOWN}.${name}`, unknown.request)).status).toBe(10);
    const hidden = await known.puppet.value(`${REQ}.downstream_client_oh_fingerprint`);
    expect(hidden.status).toBe(10);
  });

  test('tells the names of headers as they came, and their number', async () => {
    const headerNames = ['X-Second', 'HOST', 'x-sEcond'];
    const { puppet, request } = await visited('http', { headerNames });
    await puppet.call(`${REQ}.header_remove`, request, 'host');
    const names = await puppet.list(`${DOWN}.downstream_original_header_names`, [request]);
    expect(names.text).toBe('X-Second\0HOST\0x-sEcond\0');
    expect((await puppet.list(`${REQ}.original_header_names_get`, [])).text).toBe(names.text);
    const count = `${DOWN}.downstream_original_header_count`;
    expect(await puppet.number(count, request)).toBe(3);
    expect(await puppet.number(`${REQ}.original_header_count`)).toBe(3);
  });

  test('tells where it came to', async () => {
    const { puppet, request } = await visited('http', { serverAddress: '192.0.2.5' });
    expect(await puppet.call(`${DOWN}.downstream_server_ip_addr`, request, 64, 100)).toBe(0);
    expect([...puppet.bytes.subarray(64, 64 + puppet.u32(100))]).toEqual([192, 0, 2, 5]);
    puppet.exchange.connection = { ...noConnection, serverAddress: '' };
    expect(await puppet.call(`${REQ}.downstream_server_ip_addr`, 64, 100)).toBe(0);
    expect([...puppet.bytes.subarray(64, 64 + puppet.u32(100))]).toEqual([0, 0, 0, 0]);
  });
});
