import type { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { AddressFilter } from '../../../src/capability/fetch/addresses.ts';
import {
  OwnAddresses,
  type OwnAddressesOptions,
} from '../../../src/capability/fetch/own-addresses.ts';
import { parseAddress } from '../../../src/capability/networks.ts';

const port = 5432;
let nowMs = 0;
let addresses: readonly string[] = ['93.184.215.14', '2606:4700::1234'];
const readInterfaces: typeof networkInterfaces = () => ({
  eth0: addresses.map((address) => ({
    ...{ address, netmask: '', mac: '', internal: false, cidr: null, scopeid: 0 },
    family: 'IPv6' as const,
  })),
});

function open(options: Partial<OwnAddressesOptions> = {}): OwnAddresses {
  return new OwnAddresses({
    ...{ named: [], servedPorts: [443], readInterfaces, nowMs: () => nowMs },
    ...options,
  });
}

function bytesOf(text: string): Uint8Array {
  return parseAddress(text) ?? new Uint8Array(0);
}

function refusalOf(own: OwnAddresses, text: string, at = port, allowed: string[] = []) {
  const filter = new AddressFilter(allowed, (address, toPort) => own.isClosed(address, toPort));
  return filter.refusalOf(bytesOf(text), at);
}

describe('this machine', () => {
  test('is refused at the addresses of its interfaces, in every spelling', () => {
    const own = open();
    expect(refusalOf(own, '93.184.215.14')).toBe('this machine itself');
    expect(refusalOf(own, '2606:4700:0:0::1234')).toBe('this machine itself');
    expect(refusalOf(own, '::ffff:93.184.215.14')).toBe('this machine itself');
    expect(refusalOf(own, '64:ff9b::5db8:d70e')).toBe('a way to this machine itself');
    expect(refusalOf(own, '93.184.215.15')).toBeUndefined();
  });

  test('may be reached where this daemon itself answers, and where the operator allows it', () => {
    const own = open();
    expect(refusalOf(own, '93.184.215.14', 443)).toBeUndefined();
    expect(refusalOf(own, '93.184.215.14', port, ['93.184.215.14/32'])).toBeUndefined();
  });

  test('is known again soon after its interfaces have changed', () => {
    const own = open();
    expect(refusalOf(own, '93.184.215.14')).toBeDefined();
    addresses = ['93.184.215.99'];
    nowMs += 5_000;
    expect(refusalOf(own, '93.184.215.99')).toBe('this machine itself');
    expect(refusalOf(own, '93.184.215.14')).toBeUndefined();
  });

  test('is behind what the operator named, and where the served names lead', () => {
    const own = open({ named: ['93.184.1.1'] });
    expect(refusalOf(own, '93.184.1.1')).toBe('this machine itself');
    expect(refusalOf(own, '93.184.2.2')).toBeUndefined();
    own.learnServed([bytesOf('93.184.2.2')]);
    expect(refusalOf(own, '93.184.2.2')).toBe('this machine itself');
  });

  test('is asked for as it is without being told how', () => {
    const own = new OwnAddresses({ named: [], servedPorts: [], nowMs: () => 0 });
    expect(own.isClosed(bytesOf('127.0.0.1'), port)).toBe(true);
  });
});
