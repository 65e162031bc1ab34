import { afterEach, describe, expect, test } from 'vitest';
import { backOffMs, plannedRenewalMs, windowRenewalMs } from '../../src/tls/renewal.ts';
import { TlsWorld } from '../support/tls-world.ts';

const DAY_MS = 86_400_000;

describe('renewals', () => {
  let world: TlsWorld;

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  test('come at two thirds of the lifetime, not before', async () => {
    world = await TlsWorld.open();
    world.server.rules.lifetimeMs = 90 * DAY_MS;
    const name = world.names.serve('a.test');
    await world.orders.obtain(name);
    world.nowMs += 57 * DAY_MS;
    await world.renewals.look();
    expect(world.server.orders.length).toBe(1);
    world.nowMs += 3 * DAY_MS;
    await world.renewals.look();
    expect(world.server.orders.length).toBe(2);
    expect(world.renewed).toBe(1);
  });

  test('come when the authority wants them, and say what they replace', async () => {
    world = await TlsWorld.open();
    const name = world.names.serve('a.test');
    let startMs = world.nowMs + 30 * DAY_MS;
    world.server.rules.renewalWindow = () => ({
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + DAY_MS).toISOString(),
    });
    await world.orders.obtain(name);
    await world.renewals.look();
    const plannedMs = (await world.store.certificate(name))?.renewAtMs ?? 0;
    expect(plannedMs).toBeGreaterThanOrEqual(startMs - 1_000);
    expect(plannedMs).toBeLessThanOrEqual(startMs + DAY_MS);
    // A revocation is near: the window is in the past from one day to the next.
    startMs = world.nowMs - DAY_MS;
    world.nowMs += 10 * DAY_MS;
    await world.renewals.look();
    await world.renewals.look();
    expect(world.server.orders.length).toBe(2);
    expect(world.server.orders[1]?.replaces).toMatch(/^[\w-]+\.[\w-]+$/);
  });

  test('do not run away when an authority always says now', async () => {
    world = await TlsWorld.open();
    world.server.rules.renewalWindow = () => ({
      start: '2020-01-01T00:00:00Z',
      end: '2020-01-02T00:00:00Z',
    });
    await world.orders.obtain(world.names.serve('a.test'));
    for (let look = 0; look < 20; look += 1) {
      world.nowMs += 3_600_000;
      await world.renewals.look();
    }
    expect(world.server.orders.length).toBe(1);
  });

  test('that fail leave the certificate in force and are tried again', async () => {
    world = await TlsWorld.open();
    const name = world.names.serve('a.test');
    await world.orders.obtain(name);
    const before = await world.store.certificate(name);
    world.server.rules.failure = { status: 500, type: 'serverInternal' };
    world.nowMs += 61 * DAY_MS;
    await world.renewals.look();
    expect((await world.store.certificate(name))?.chainPem).toBe(before?.chainPem);
    world.server.rules.failure = undefined;
    world.nowMs += DAY_MS;
    await world.renewals.look();
    expect((await world.store.certificate(name))?.chainPem).not.toBe(before?.chainPem);
  });

  test('are not asked for every minute once a certificate is over', async () => {
    world = await TlsWorld.open();
    await world.orders.obtain(world.names.serve('a.test'));
    world.server.rules.rejectedNames.add('a.test');
    world.nowMs += 91 * DAY_MS;
    let looks = 0;
    const before = world.server.requests;
    for (; looks < 60; looks += 1) {
      await world.renewals.look();
      world.nowMs += 60_000;
    }
    expect(world.server.requests - before).toBeLessThan(40);
    expect(world.server.orders.length).toBe(1);
  });

  test('are not for names that are no longer served here', async () => {
    world = await TlsWorld.open();
    const name = world.names.serve('a.test');
    await world.orders.obtain(name);
    world.names.served.delete(name);
    world.nowMs += 61 * DAY_MS;
    const before = world.server.requests;
    await world.renewals.look();
    await world.renewals.look();
    // The renewal window may be asked for; nothing is ordered.
    expect(world.server.orders.length).toBe(1);
    expect(world.server.requests - before).toBeLessThan(3);
    world.nowMs += 60 * DAY_MS;
    await world.renewals.look();
    expect(await world.store.certificate(name)).toBeUndefined();
  });

  test('do not count against the caps for strangers', async () => {
    world = await TlsWorld.open(1, { ordersPerHourMax: 1, ordersPerFolderPerWeekMax: 1 });
    await world.orders.obtain(world.names.serve('a.test'));
    world.nowMs += 61 * DAY_MS;
    await world.orders.obtain(world.names.serve('b.test'));
    await world.renewals.look();
    expect(world.server.orders.map((order) => order.hostName)).toEqual([
      'a.test',
      'b.test',
      'a.test',
    ]);
  });
});

describe('the time of a renewal', () => {
  const lifetime = { issuedAtMs: 1_000, notAfterMs: 1_000 + 60_000 };

  test('is at two thirds of the lifetime or a little earlier', () => {
    expect(plannedRenewalMs(lifetime, 0)).toBe(41_000);
    expect(plannedRenewalMs(lifetime, 1)).toBeCloseTo(38_000);
  });

  test('lies within the window, but never at once after the issue', () => {
    const window = { startMs: 10_000, endMs: 20_000 };
    expect(windowRenewalMs(window, lifetime, 0)).toBe(10_000);
    expect(windowRenewalMs(window, lifetime, 1)).toBe(20_000);
    expect(windowRenewalMs({ startMs: 0, endMs: 0 }, lifetime, 0.5)).toBe(4_000);
  });

  test('backs off twice as long each time, up to half a day', () => {
    expect([1, 2, 3].map((failures) => backOffMs(failures, 0.5))).toEqual([
      60_000, 120_000, 240_000,
    ]);
    expect(backOffMs(1_000, 0.5)).toBe(43_200_000);
    expect(backOffMs(1, 0)).toBe(45_000);
  });
});
