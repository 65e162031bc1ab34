import { describe, expect, test } from 'vitest';
import { faultOf, read } from './read.ts';

describe('backends', () => {
  const pem = '-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----';

  test('have the words of the daemon’s own', () => {
    const { backends } = read(
      `
      [local_server.backends.origin]
      url = "https://origin.example:8443/base/"
      override_host = "www.example"
      cert_host = "cert.example"
      use_sni = false
      grpc = true
      first_byte_timeout_ms = 0
      between_bytes_timeout_ms = 500
      health = "unhealthy"
      ca_certificate = ["${pem}", { file = "ca.pem" }]
      [local_server.backends.origin.client_certificate]
      certificate_file = "client.pem"
      key = "-----BEGIN PRIVATE KEY-----"
      [local_server.backends.plain]
      url = "http://127.0.0.1"
    `,
      { 'ca.pem': 'CA', 'client.pem': 'CLIENT' },
    );
    expect(backends.get('plain')).toEqual({
      address: { isTls: false, host: '127.0.0.1', port: 80 },
    });
    expect(backends.get('origin')).toEqual({
      address: { isTls: true, host: 'origin.example', port: 8443, path: '/base' },
      host: 'www.example',
      certificateHost: 'cert.example',
      sni: '',
      grpc: true,
      betweenBytesTimeoutMs: 500,
      statedHealth: 'unhealthy',
      ca: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\nCA',
      clientCertificate: 'CLIENT',
      clientKeyPem: '-----BEGIN PRIVATE KEY-----',
    });
  });

  test.each([
    ['', 'must have "url"'],
    ['url = "ftp://a"', 'must be a URL of http or https'],
    ['url = "http://user:hunter2@a"', 'must be a URL of http or https'],
    ['url = "http://a"\noverride_host = ""', 'must be a host name'],
    ['url = "http://a"\nca_certificate = "no"', 'must be PEM'],
    ['url = "http://a"\nclient_certificate = { certificate_file = "a" }', 'exactly one of "key"'],
    ['url = "http://a"\nhealth = "fine"', 'must be "unknown", "healthy" or "unhealthy"'],
    ['url = "http://a"\nport = 1', 'fastly.toml:3: '],
  ])('%j is refused', (rest, sentence) => {
    const told = faultOf(`[local_server.backends.a]\n${rest}`);
    expect(told).toContain(sentence);
    expect(told).not.toContain('hunter2');
  });
});

describe('acls', () => {
  test('are read from JSON, by path or table, in their order', () => {
    const file = JSON.stringify({
      entries: [
        { op: 'create', prefix: '192.0.2.0/24', action: 'BLOCK' },
        { op: 'update', prefix: '192.0.2.7/32', action: 'allow' },
      ],
    });
    const { acls } = read(
      '[local_server.acls]\none = "acl.json"\n[local_server.acls.two]\nfile = "acl.json"',
      { 'acl.json': file },
    );
    expect(acls.get('one')).toEqual(acls.get('two'));
    expect(acls.get('one')?.entries).toEqual([
      { prefix: '192.0.2.0/24', action: 'deny' },
      { prefix: '192.0.2.7/32', action: 'allow' },
    ]);
  });

  test.each([
    ['{}', 'entries must be a list of entries: received nothing'],
    ['{"entries":[{"prefix":"192.0.2.0/33","action":"BLOCK"}]}', 'must be a network'],
    ['{"entries":[{"prefix":"192.0.2.0/24","action":"LOOK"}]}', 'must be "ALLOW" or "BLOCK"'],
  ])('%s is refused', (file, sentence) => {
    expect(faultOf('[local_server.acls]\na = "a.json"', { 'a.json': file })).toContain(sentence);
  });
});

describe('geolocation and device_detection', () => {
  test('stand in the file', () => {
    const { geo, devices } = read(`
      [local_server.geolocation]
      format = "inline-toml"
      use_default_loopback = false
      [local_server.geolocation.addresses."192.0.2.1"]
      city = "Bremen"
      latitude = 53.1
      as_number = 64500
      [local_server.device_detection]
      format = "inline-toml"
      [local_server.device_detection.user_agents."Test/1.0 (X)"]
      os = {}
      device = { name = "X", is_mobile = true }
    `);
    expect(geo).toEqual({
      defaultLoopback: false,
      addresses: new Map([['192.0.2.1/32', '{"city":"Bremen","latitude":53.1,"as_number":64500}']]),
    });
    expect(devices?.get('Test/1.0 (X)')).toBe('{"os":{},"device":{"name":"X","is_mobile":true}}');
  });

  test('or in JSON', () => {
    const { geo, devices } = read(
      `
      [local_server.geolocation]
      format = "json"
      file = "geo.json"
      [local_server.device_detection]
      format = "json"
      file = "devices.json"
    `,
      { 'geo.json': '{"2001:db8::1": {"city": null}}', 'devices.json': '{"UA": {"a": 1}}' },
    );
    expect(geo).toEqual({
      defaultLoopback: true,
      addresses: new Map([['2001:db8::1/128', '{"city":null}']]),
    });
    expect(devices?.get('UA')).toBe('{"a":1}');
  });

  test.each([
    ['[local_server.geolocation]\nformat = "json"', 'and "addresses", or format "json" and "file"'],
    [
      '[local_server.geolocation]\nformat = "inline-toml"\naddresses = { x = {} }',
      'must be a network',
    ],
    [
      '[local_server.device_detection]\nformat = "inline-toml"\nuser_agents = { x = { a = [1] } }',
      'received a list',
    ],
  ])('%j is refused', (text, sentence) => {
    expect(faultOf(text)).toContain(sentence);
  });
});

test('shields and keys of the vendor', () => {
  const { vendor } = read(`
    [local_server]
    fake_valid_fastly_keys = ["abc"]
    [local_server.shielding_sites]
    here = "Local"
    there = { encrypted = "https://there.example", unencrypted = "http://there.example" }
  `);
  expect(vendor.validKeys).toEqual(['abc']);
  expect(vendor.shieldingSites.get('here')).toBe('local');
  expect(vendor.shieldingSites.get('there')).toEqual({
    encrypted: 'https://there.example',
    unencrypted: 'http://there.example',
  });
  const wrong = '[local_server.shielding_sites]\nhere = "Remote"';
  expect(faultOf(wrong)).toContain('must be "Local" or a table');
});
