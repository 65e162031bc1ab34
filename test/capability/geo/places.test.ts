import { expect, test } from 'vitest';
import { Places } from '../../../src/capability/geo/places.ts';
import { parseAddress } from '../../../src/capability/networks.ts';

function lookup(places: Places, text: string): string | undefined {
  return places.lookup(parseAddress(text) ?? new Uint8Array(0));
}

test('the longest prefix tells, and a single address before all', () => {
  const places = new Places({
    addresses: new Map([
      ['192.0.2.0/24', 'net'],
      ['192.0.2.128/25', 'half'],
      ['192.0.2.200/32', 'one'],
      ['2001:db8::/32', 'six'],
    ]),
  });
  expect(lookup(places, '192.0.2.1')).toBe('net');
  expect(lookup(places, '192.0.2.129')).toBe('half');
  expect(lookup(places, '192.0.2.200')).toBe('one');
  expect(lookup(places, '::ffff:192.0.2.200')).toBe('one');
  expect(lookup(places, '2001:db8:1::1')).toBe('six');
  expect(lookup(places, '198.51.100.1')).toBeUndefined();
});

test('addresses of the machine have a place unless the folder says not', () => {
  expect(JSON.parse(lookup(new Places({}), '127.0.0.1') ?? '')).toMatchObject({
    city: 'San Francisco',
  });
  expect(lookup(new Places({}), '::1')).toBeDefined();
  expect(lookup(new Places({ defaultLoopback: false }), '127.0.0.1')).toBeUndefined();
  const own = new Places({ addresses: new Map([['127.0.0.1/32', 'own']]) });
  expect(lookup(own, '127.0.0.1')).toBe('own');
});
