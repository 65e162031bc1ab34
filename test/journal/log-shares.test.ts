import { describe, expect, test } from 'vitest';
import { type LineOrigin, LogShares } from '../../src/journal/log-shares.ts';

const limits = {
  logBytesPerOwnerPerMinuteMax: 300,
  logBytesPerSitePerMinuteMax: 200,
  logBytesPerClientPerMinuteMax: 100,
};

function of(folderKey: string | undefined, clientAddress?: string): LineOrigin {
  return { folderKey, clientAddress };
}

/** How many lines of 50 bytes are written before one is dropped. */
function fill(shares: LogShares, origin: LineOrigin): number {
  let count = 0;
  while (shares.allows(origin)) {
    shares.charge(origin, 50);
    count += 1;
  }
  return count;
}

describe('LogShares', () => {
  test('bound what one client, one site and one owner cause', () => {
    const shares = new LogShares(limits);
    const site = '/keybase/private/alice,bot/one';
    expect(fill(shares, of(site, '192.0.2.1'))).toBe(2);
    // Another client of the same site, then lines of the site itself.
    expect(fill(shares, of(site, '192.0.2.2'))).toBe(2);
    expect(fill(shares, of(site))).toBe(0);
    // Another folder of the same owner has what is left to the owner.
    expect(fill(shares, of('/keybase/private/alice,bot/two'))).toBe(2);
    expect(fill(shares, of('/keybase/private/alice,bot/three'))).toBe(0);
    expect(fill(shares, of('/keybase/private/bob,bot'))).toBe(4);
  });

  test('take a network of IPv6 for one client', () => {
    const shares = new LogShares(limits);
    expect(fill(shares, of('/a/one', '2001:db8:0:1::1'))).toBe(2);
    expect(fill(shares, of('/a/one', '2001:db8:0:2::1'))).toBe(0);
    expect(fill(shares, of('/a/one', '2001:db8:1::1'))).toBe(2);
  });

  test('bound lines that no site is to blame for, whoever causes them', () => {
    const shares = new LogShares(limits);
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      expect(fill(shares, of(undefined, client))).toBe(2);
    }
    expect(fill(shares, of(undefined, '192.0.2.4'))).toBe(0);
  });

  test('tell of whom lines were dropped, most first, once', () => {
    const shares = new LogShares(limits);
    expect(shares.roll()).toBeUndefined();
    fill(shares, of('/a/one', '192.0.2.1'));
    fill(shares, of('/a/one', '192.0.2.2'));
    expect(shares.allows(of('/a/one', '192.0.2.2'))).toBe(false);
    expect(shares.allows(of('/a/one', '192.0.2.3'))).toBe(false);
    shares.noteNoRoom(of('/b/two', '192.0.2.9'));
    shares.noteNoRoom(undefined);
    expect(shares.roll()).toEqual({
      droppedLines: 6,
      withoutRoom: 2,
      owners: [],
      sites: ['/a/one: 1'],
      clients: ['192.0.2.2: 2', '192.0.2.1: 1', '192.0.2.9: 1'],
    });
    expect(shares.roll()).toBeUndefined();
    expect(fill(shares, of('/a/one', '192.0.2.1'))).toBe(2);
  });

  test('remember a bounded number of clients: those beyond share one share', () => {
    const shares = new LogShares({ ...limits, logBytesPerOwnerPerMinuteMax: 10 ** 9 });
    for (let index = 0; index < 10_000; index += 1) {
      shares.charge(of(undefined, `10.0.${index >> 8}.${index & 255}`), 1);
    }
    expect(fill(shares, of(undefined, '192.0.2.1'))).toBe(2);
    expect(fill(shares, of(undefined, '192.0.2.2'))).toBe(0);
    expect(fill(shares, of(undefined, '10.0.0.1'))).toBe(2);
  });
});
