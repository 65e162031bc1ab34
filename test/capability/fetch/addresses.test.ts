import { describe, expect, test } from 'vitest';
import { AddressFilter } from '../../../src/capability/fetch/addresses.ts';
import { formatAddress, parseAddress } from '../../../src/capability/networks.ts';

const refused: readonly string[] = [
  // IPv4: the first and last address of what is not public.
  '0.0.0.0',
  '0.255.255.255',
  '10.0.0.0',
  '10.255.255.255',
  '100.64.0.0',
  '100.100.100.200',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.255',
  '168.63.129.16',
  '169.254.0.0',
  '169.254.169.254',
  '169.254.255.255',
  '172.16.0.0',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.0',
  '192.168.255.255',
  '198.18.0.0',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.0',
  '255.255.255.255',
  // IPv6.
  '::',
  '::1',
  '::127.0.0.1',
  '::8.8.8.8',
  '100::1',
  '64:ff9b:1::808:808',
  '2001::1',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:10::1',
  '2001:1ff:ffff::1',
  '2001:db8::1',
  '3fff::1',
  '3fff:fff:ffff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fdff:ffff::1',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  // IPv6 that leads to IPv4.
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.1.2.3',
  '::ffff:169.254.169.254',
  '0:0:0:0:0:ffff:c0a8:101',
  '64:ff9b::10.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::169.254.169.254',
  '2002:7f00:1::1',
  '2002:a00:1::',
  '2002:c0a8:101::1',
  '2a00:1450:4001:80b:0:5efe:10.0.0.1',
  '2a00:1450:4001:80b:200:5efe:127.0.0.1',
];

const reached: readonly string[] = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '168.63.129.15',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e',
  '2002:808:808::1',
  '64:ff9b::8.8.8.8',
  '::ffff:8.8.8.8',
  '2a00:1450:4001:80b:0:5efe:8.8.8.8',
];

function refusalOf(text: string, allowedCidrs: readonly string[] = []): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return new AddressFilter(allowedCidrs, () => false).refusalOf(address, 80);
}

describe('addresses that guests may reach', () => {
  test.each(refused)('%s is refused with a reason', (text) => {
    expect(refusalOf(text)).toMatch(/[a-z]/);
  });

  test.each(reached)('%s is reached', (text) => {
    expect(refusalOf(text)).toBeUndefined();
  });

  test('the reason of a tunnelled address names where it leads', () => {
    expect(refusalOf('64:ff9b::10.0.0.1')).toBe('a way to a private network (RFC 1918)');
  });

  test('bytes that are no address are refused', () => {
    expect(new AddressFilter([], () => false).refusalOf(new Uint8Array(5), 80)).toBe(
      'not an IP address',
    );
  });
});

describe('networks the operator allows', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8'],
    ['::ffff:10.1.2.3', '10.0.0.0/8'],
    ['10.1.2.3', '::ffff:10.0.0.0/104'],
    ['64:ff9b::10.1.2.3', '10.0.0.0/8'],
    ['127.0.0.1', '127.0.0.1/32'],
    ['fd12::1', 'fd12::/16'],
    ['10.1.2.3', '0.0.0.0/0'],
    ['fe80::1', '::/0'],
  ])('%s is reached when %s is allowed', (text, cidr) => {
    expect(refusalOf(text, [cidr])).toBeUndefined();
  });

  test.each([
    ['11.0.0.1', '10.0.0.0/9', undefined],
    ['10.128.0.1', '10.0.0.0/9', 'a private network (RFC 1918)'],
    ['127.0.0.2', '127.0.0.1/32', 'loopback (RFC 1122)'],
    ['fd13::1', 'fd12::/16', 'a private network (RFC 4193)'],
    ['127.0.0.1', '::/0', 'loopback (RFC 1122)'],
  ])('%s beside %s keeps its own verdict', (text, cidr, reason) => {
    expect(refusalOf(text, [cidr])).toBe(reason);
  });

  test.each([
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    'a/8',
    '10.0.0.0/8/8',
    '::/x',
  ])('the network %j is refused, naming it', (cidr) => {
    expect(() => new AddressFilter([cidr], () => false)).toThrow(`received ${cidr}`);
  });
});

describe('IP literals', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['1::', '1:0:0:0:0:0:0:0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:DB8::A', '2001:db8:0:0:0:0:0:a'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['::ffff:1.2.3.4', '0:0:0:0:0:ffff:102:304'],
  ])('%s is read as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text) ?? new Uint8Array())).toBe(canonical);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '0x7f.0.0.1',
    '2130706433',
    'example.com',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '1.2.3.4::',
    'fe80::1%eth0',
  ])('%j is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});
