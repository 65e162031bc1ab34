import { describe, expect, test } from 'vitest';
import type { OwnerKey } from '../../../src/names.ts';
import { ConnectionCounts } from '../../../src/serve/websocket/connection-counts.ts';

const limits = {
  websocketConnectionsPerSiteMax: 2,
  websocketConnectionsPerOwnerMax: 3,
  websocketConnectionsPerClientMax: 4,
};
const by = (client: string, owner: string, site: string) => ({
  client,
  owner: owner as OwnerKey,
  site,
});

describe('ConnectionCounts', () => {
  test('bounds a site, all sites of an owner, and a client, and no others', () => {
    const counts = new ConnectionCounts(limits);
    for (let count = 0; count < 2; count += 1) counts.join(by('x', '/a', '/a/1'));
    expect(() => counts.join(by('y', '/a', '/a/1'))).toThrow(
      'this site may have at most 2 at once',
    );
    counts.join(by('x', '/a', '/a/2'));
    expect(() => counts.join(by('y', '/a', '/a/2'))).toThrow(
      'all sites of its owner may have at most 3',
    );
    counts.join(by('x', '/b', '/b/1'));
    expect(() => counts.join(by('x', '/b', '/b/1'))).toThrow(
      'one client may have at most 4 at once',
    );
    counts.join(by('y', '/b', '/b/1'));
  });

  test('leave() makes room, and a refused one has taken none', () => {
    const counts = new ConnectionCounts(limits);
    const shares = by('x', '/a', '/a/1');
    for (let round = 0; round < 5; round += 1) {
      counts.join(shares);
      counts.join(shares);
      expect(() => counts.join(shares)).toThrow(expect.objectContaining({ code: 'overloaded' }));
      counts.leave(shares);
      counts.leave(shares);
    }
    counts.join(by('x', '/b', '/a/1'));
  });
});
