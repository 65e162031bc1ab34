import { expect, test } from 'vitest';
import { networkOf, redact } from '../../../src/admin/owners/redacted.ts';

test('owners see no path of the machine, and of visitors the network', () => {
  const directories = [
    ['/srv/mounts/kb/public/alice', '/keybase/public/alice'],
    ['/srv/mounts/kb', '/keybase'],
  ] as const;
  const told = {
    directory: '/srv/mounts/kb/public/alice',
    reason: "EACCES: permission denied, open '/srv/mounts/kb/public/alice/x', below /srv/mounts/kb",
    lines: [{ clientAddress: '203.0.113.77', status: 200 }],
    nothing: null,
  };
  expect(redact(told, { directories })).toEqual({
    reason: "EACCES: permission denied, open '/keybase/public/alice/x', below /keybase",
    lines: [{ clientAddress: '203.0.113.0/24', status: 200 }],
    nothing: null,
  });
});

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['::1', '0:0:0::/48'],
  ['unknown', 'unknown'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
