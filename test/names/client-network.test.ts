import { expect, test } from 'vitest';
import { clientNetwork } from '../../src/names.ts';

test.each([
  ['1.2.3.4', '1.2.3.4'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:0::/56'],
  ['2001:db8:1:2ff::1', '2001:db8:1:200::/56'],
  ['2001:db8:1:2aa:ffff::', '2001:db8:1:200::/56'],
  ['2001:0db8::1', '2001:db8:0:0::/56'],
  ['::1', '0:0:0:0::/56'],
  ['fe80::1%eth0', 'fe80:0:0:0::/56'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['', ''],
])('knows the network of %j', (address, network) => {
  expect(clientNetwork(address)).toBe(network);
});
