import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/capability/fetch/contract.ts';
import { FaultyRefusal, faultOf } from '../../../src/capability/fetch/faults.ts';
import { CapabilityRefusal } from '../../../src/capability/refusal.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { fromErrorRecord, TerrafirmaError, toErrorRecord } from '../../../src/errors.ts';
import { useOutbound } from '../outbound-bench.ts';

function codeError(code: string, message = 'words of the library'): Error {
  return Object.assign(new Error(message), { code });
}

describe('faultOf()', () => {
  test.each([
    ['ECONNREFUSED', 'connection_refused'],
    ['EPIPE', 'connection_terminated'],
    ['EHOSTUNREACH', 'destination_unavailable'],
    ['ENETUNREACH', 'destination_ip_unroutable'],
    ['UND_ERR_HEADERS_TIMEOUT', 'http_response_timeout'],
    ['HPE_INVALID_CONSTANT', 'http_protocol_error'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_certificate_error'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_certificate_error'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol_error'],
    ['ESOMETHING', 'proxy_internal_error'],
  ])('%s is %s', (code, type) => {
    expect(faultOf(codeError(code))).toEqual({ type });
  });

  test('looks for the first word that a cause says', () => {
    const cause = new AggregateError([codeError('ECONNREFUSED'), codeError('ENETUNREACH')]);
    const refusal = new CapabilityRefusal('connection', 'no', { cause });
    expect(faultOf(new Error('more', { cause: refusal }))).toEqual({ type: 'connection_refused' });
  });

  test('goes by the kind of a refusal that says no more', () => {
    expect(faultOf(new CapabilityRefusal('limit', 'no')).type).toBe('connection_limit_reached');
    expect(faultOf('odd').type).toBe('proxy_internal_error');
    const fault = { type: 'connection_timeout' } as const;
    expect(faultOf(new FaultyRefusal('timeout', 'no', { fault }))).toBe(fault);
  });

  test('tells names that could not be looked up', () => {
    const cause = new TerrafirmaError('dns-timeout');
    expect(faultOf(new CapabilityRefusal('dns', 'no', { cause })).type).toBe('dns_timeout');
    expect(faultOf(new CapabilityRefusal('dns', 'no')).type).toBe('dns_error');
    const answered = fromErrorRecord(
      toErrorRecord(new TerrafirmaError('dns-failed', 'no', { dnsRcode: 3 })),
    );
    const refusal = new CapabilityRefusal('dns', 'no', { cause: answered });
    expect(faultOf(refusal)).toEqual({ type: 'dns_error', dnsRcode: 3 });
  });

  test('tells the number of an alert, and of an error of HTTP/2', () => {
    const alert = codeError('ERR_SSL_SSLV3_ALERT', 'rec_layer_s3.c:1605:SSL alert number 40');
    expect(faultOf(alert)).toEqual({ type: 'tls_alert_received', tlsAlert: 40 });
    const reset = codeError('ERR_HTTP2_STREAM_ERROR', 'Stream closed with NGHTTP2_REFUSED_STREAM');
    expect(faultOf(reset)).toEqual({ type: 'h2_error', http2: { frame: 3, code: 7 } });
    const goAway = codeError('ERR_HTTP2_SESSION_ERROR', 'closed: NGHTTP2_ENHANCE_YOUR_CALM');
    expect(faultOf(goAway)).toEqual({ type: 'h2_error', http2: { frame: 7, code: 11 } });
  });

  test('does not follow causes without end', () => {
    const one = new Error('one');
    one.cause = one;
    expect(faultOf(one).type).toBe('proxy_internal_error');
  });
});

describe('a real failure', () => {
  const bench = useOutbound();
  let server: Server;
  let onConnection: (socket: Socket) => void;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    onConnection = () => undefined;
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  function port(): number {
    return (server.address() as AddressInfo).port;
  }

  async function failureOf(more: Partial<Backend> = {}): Promise<string> {
    const address = { isTls: false, host: '127.0.0.1', port: port() };
    const backends = new Map([['origin', { address, ...more }]]);
    const run = bench.openRun({ limits: defaultLimits }, { outbound: undefined, backends });
    const failure = await bench.send(run, 'http://x.example/', { backend: 'origin' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    return run.faultOf(failure).type;
  }

  test('of a server that is not there', async () => {
    const refused = { isTls: false, host: '127.0.0.1', port: 1 };
    expect(await failureOf({ address: refused })).toBe('connection_refused');
  });

  test('of one that hangs up', async () => {
    onConnection = (socket) => socket.once('data', () => socket.destroy());
    expect(await failureOf()).toBe('connection_terminated');
  });

  test('of one that says nothing', async () => {
    expect(await failureOf({ firstByteTimeoutMs: 50 })).toBe('http_response_timeout');
  });

  test('of one that stops in the middle', async () => {
    onConnection = (socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'));
    expect(await failureOf({ betweenBytesTimeoutMs: 50 })).toBe('http_response_timeout');
  });

  test('of one that does not speak HTTP', async () => {
    onConnection = (socket) => socket.once('data', () => socket.end('SMTP ready\r\n\r\n'));
    expect(await failureOf()).toBe('http_protocol_error');
  });

  test('of one that does not speak TLS', async () => {
    onConnection = (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n'));
    const address = { isTls: true, host: '127.0.0.1', port: port() };
    expect(await failureOf({ address })).toBe('tls_protocol_error');
  });

  test('of one that never finishes its handshake', async () => {
    const address = { isTls: true, host: '127.0.0.1', port: port() };
    expect(await failureOf({ address, connectTimeoutMs: 50 })).toBe('connection_timeout');
  });
});
