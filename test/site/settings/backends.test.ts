import { describe, expect, test } from 'vitest';
import { faultOf, lines, read } from './read.ts';

const secret = '\n[secrets.vault]\nkey = "k"\n';

describe('[backends.NAME]', () => {
  test('all that can be set', () => {
    const { backends } = read(`
      [backends.plain]
      url = "http://[::1]:8080/"
      [backends.origin]
      url = "https://Origin.example/v1/"
      host = "site.example:8443"
      connect_timeout_ms = 500
      first_byte_timeout_ms = "2 s"
      between_bytes_timeout_ms = 100
      tls_min = "1.2"
      tls_max = "1.3"
      sni = ""
      certificate_host = "other.example"
      ca = """-----BEGIN CERTIFICATE-----
      x"""
      ciphers = "TLSv1.2+ECDHE:!aNULL"
      client_certificate = "-----BEGIN CERTIFICATE-----"
      client_key = "vault/key"
      keep_alive_ms = 0
      tcp_keep_alive = true
      tcp_keep_alive_idle_ms = "60 s"
      tcp_keep_alive_interval_ms = 1000
      tcp_keep_alive_probes = 3
      connections_max = 4
      uses_max = 9
      lifetime_ms = 60_000
      prefer_ipv4 = true
      grpc = false
      [backends.origin.health]
      path = "/up"
      method = "GET"
      host = "a"
      interval_ms = "5 s"
      timeout_ms = 100
      expected_status = 204
      window = 5
      threshold = 3
      initial = 2
      ${secret}
    `);
    expect(backends?.get('plain')).toEqual({
      address: { isTls: false, host: '[::1]', port: 8_080 },
    });
    expect(backends?.get('origin')).toEqual({
      address: { isTls: true, host: 'origin.example', port: 443, path: '/v1' },
      host: 'site.example:8443',
      connectTimeoutMs: 500,
      firstByteTimeoutMs: 2_000,
      betweenBytesTimeoutMs: 100,
      tlsMin: '1.2',
      tlsMax: '1.3',
      sni: '',
      certificateHost: 'other.example',
      ca: '-----BEGIN CERTIFICATE-----\n      x',
      ciphers: 'TLSv1.2+ECDHE:!aNULL',
      clientCertificate: '-----BEGIN CERTIFICATE-----',
      clientKey: { store: 'vault', name: 'key' },
      keepAliveMs: 0,
      tcpKeepAlive: true,
      tcpKeepAliveIdleMs: 60_000,
      tcpKeepAliveIntervalMs: 1_000,
      tcpKeepAliveProbes: 3,
      connectionsMax: 4,
      usesMax: 9,
      lifetimeMs: 60_000,
      preferIpv4: true,
      grpc: false,
      health: {
        path: '/up',
        method: 'GET',
        host: 'a',
        intervalMs: 5_000,
        timeoutMs: 100,
        expectedStatus: 204,
        window: 5,
        threshold: 3,
        initial: 2,
      },
    });
  });

  test.each([
    ['', 'toml:1: backends.a must have "url"'],
    ['url = "origin.example"', 'backends.a.url must be a URL without a query'],
    ['url = "https://o.example/v1?a"', 'backends.a.url must be a URL without a query'],
    ['url = "https://u:secret@o.example"', 'received "https://o.example"'],
    ['url = "https://o.example"\ntls_min = "2"', 'backends.a.tls_min must be "1.0"'],
    ['url = "https://o.example"\nca = "x"', 'backends.a.ca must be certificates as PEM'],
    ['url = "https://o.example"\nconnect_timeout = 1', 'did you mean "connect_timeout_ms"?'],
    ['url = "https://o.example"\nciphers = "a b"', 'backends.a.ciphers must be a list of ciphers'],
    ['url = "https://o.example"\nclient_key = "vault/key"', 'client_certificate and client_key'],
    [
      'url = "https://o.example"\nclient_certificate = "-----BEGIN X"\nclient_key = "vault/other"',
      'toml:4: backends.a.client_key must name a secret of the folder',
    ],
  ])('%j is refused', (text, fault) => {
    expect(faultOf(`[backends.a]\n${text}${secret}`)).toContain(fault);
  });

  test('what could be a private key is not told', () => {
    const text = 'url = "https://o.example"\nclient_key = "-----BEGIN PRIVATE KEY-----"';
    expect(faultOf(`[backends.a]\n${text}`)).not.toContain('BEGIN');
  });

  test('their count and names are bounded', () => {
    const many = (count: number) => lines(count, (n) => `[backends.b${n}]\nurl = "https://h"`);
    expect(faultOf(many(64))).toBe('accepted');
    expect(faultOf(many(65))).toContain('backends may hold at most 64 back-ends: received 65');
    expect(faultOf('[backends."a b"]\nurl = "https://h"')).toContain('names of back-ends');
  });
});
