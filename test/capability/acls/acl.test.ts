import { expect, test } from 'vitest';
import { AddressList } from '../../../src/capability/acls/acl.ts';
import { parseAddress } from '../../../src/capability/networks.ts';

function lookup(list: AddressList, text: string) {
  return list.lookup(parseAddress(text) ?? new Uint8Array(0));
}

test('of equal networks of a fastly.toml the later one holds', () => {
  const list = new AddressList({
    entries: [
      { prefix: '192.0.2.0/24', action: 'deny' },
      { prefix: '192.0.2.9/24', action: 'allow' },
      { prefix: '192.0.2.7/32', action: 'allow' },
      { prefix: '192.0.2.7/32', action: 'deny' },
    ],
  });
  expect(lookup(list, '192.0.2.1')).toEqual({ prefix: '192.0.2.0/24', action: 'allow' });
  expect(lookup(list, '192.0.2.7')).toEqual({ prefix: '192.0.2.7/32', action: 'deny' });
  expect(lookup(list, '198.51.100.1')).toBeUndefined();
});

test('a network is told without the bits behind its prefix', () => {
  const list = new AddressList({ allow: ['2002::1234:abcd:ffff:c0a8:101/64', '10.9.8.7/9'] });
  expect(lookup(list, '2002::1234:0:0:0:1')?.prefix).toBe('2002:0:0:1234::/64');
  expect(lookup(list, '10.1.1.1')?.prefix).toBe('10.0.0.0/9');
});
