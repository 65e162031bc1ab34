import { describe, expect, test } from 'vitest';
import { endpoint, mount, network, printEndpoint, ValueFault } from '../../src/config/kinds.ts';
import { allSettings } from '../../src/config/schema.ts';

const listening = endpoint({ rule: 'must be host:port', portMin: 0, allowsNames: true });
const server = endpoint({
  rule: 'must be an address',
  portMin: 1,
  portDefault: 53,
  allowsNames: false,
});

describe('endpoints', () => {
  test.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::]:80', { host: '::', port: 80 }],
  ])('%s is read and printed as it was', (text, value) => {
    expect(listening.parse(text, '')).toEqual(value);
    expect(printEndpoint(value)).toBe(text);
  });

  test.each([
    '',
    ':80',
    '80',
    'localhost',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:80x',
    '127.0.0.1.5:80',
    '300.0.0.1:80',
    '::1:80',
    '[::1]',
    '[127.0.0.1]:80',
    '[localhost]:80',
    'a b:80',
    '-a:80',
    'http://a:80',
    'a:80/',
    8080,
    undefined,
  ])('%j is refused for listening', (text) => {
    expect(() => listening.parse(text, '')).toThrow(ValueFault);
  });

  test.each([
    ['9.9.9.9', { host: '9.9.9.9', port: 53 }],
    ['2620:fe::fe', { host: '2620:fe::fe', port: 53 }],
    ['[2620:fe::fe]', { host: '2620:fe::fe', port: 53 }],
    ['[::1]:5353', { host: '::1', port: 5353 }],
  ])('%s is a DNS server', (text, value) => {
    expect(server.parse(text, '')).toEqual(value);
  });

  test.each(['dns.example.com', 'localhost:53', '9.9.9.9:0', '9.9.9.9:'])(
    '%s is no DNS server',
    (text) => {
      expect(() => server.parse(text, '')).toThrow(ValueFault);
    },
  );
});

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['127.0.0.1', '127.0.0.1/32'],
    ['::1', '::1/128'],
    ['fd00::/8', 'fd00::/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('%s', (text, value) => {
    expect(network.parse(text, '')).toBe(value);
  });

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    'localhost/8',
    '10.0.0.0/',
    'fe80::1%eth0',
    '',
    7,
  ])('%j is refused', (text) => {
    expect(() => network.parse(text, '')).toThrow(ValueFault);
  });
});

describe('mounts', () => {
  test('relative directories are seen from the given base', () => {
    expect(mount.parse('/keybase/team/acme=sites', '/srv')).toEqual({
      prefix: '/keybase/team/acme',
      directory: '/srv/sites',
      watch: 'auto',
    });
  });

  test.each([
    '/keybase',
    '=/x',
    '/keybase=',
    'keybase=/x',
    '/=/x',
    '/a/../b=/x',
    '/a//b=/x',
    '/a/./b=/x',
    '/a b=/x',
    '/a\\b=/x',
    '/a=/x\0y',
  ])('%j is refused', (text) => {
    expect(() => mount.parse(text, '/srv')).toThrow(ValueFault);
  });
});

test('a setting that names a file says so where its flag is explained', () => {
  const files = allSettings.filter(({ name }) => name.endsWith('_file'));
  expect(files.map(({ name, kind }) => [name, kind.placeholder])).toEqual([
    ['variables_file', 'file'],
    ['secrets.key_file', 'file'],
    ['acme.external_key_file', 'file'],
    ['acme.ca_file', 'file'],
    ['admin.token_file', 'file'],
    ['cluster.credentials_file', 'file'],
    ['cluster.nkey_file', 'file'],
    ['cluster.ca_file', 'file'],
    ['cluster.certificate_file', 'file'],
    ['cluster.key_file', 'file'],
    ['cluster.seal_key_file', 'file'],
    ['log.access_file', 'file'],
  ]);
});
