import { afterEach, describe, expect, test } from 'vitest';
import type { FolderKey, HostName } from '../../src/names.ts';
import { Lease } from '../../src/outside/store/leases.ts';
import { orderLockMs } from '../../src/tls/orders.ts';
import { certificateSpace, keys } from '../../src/tls/records.ts';
import { TlsWorld } from '../support/tls-world.ts';

const HOUR_MS = 3_600_000;

describe('orders', () => {
  let world: TlsWorld;

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** A name that another node orders now. */
  async function lockedElsewhere(): Promise<HostName> {
    await world.close();
    const lockOf = (hostName: HostName): Lease =>
      new Lease({
        ...{ store: world.shared, space: certificateSpace, key: keys.orderLease(hostName) },
        ...{ ttlMs: orderLockMs, nowMs: () => world.nowMs },
      });
    world.lockOf = lockOf;
    await world.build();
    const name = world.names.serve('site.test');
    expect(await lockOf(name).tryHold()).toBe(true);
    return name;
  }

  test('joins a thousand equal ones into one', async () => {
    world = await TlsWorld.open();
    const name = world.names.serve('site.test');
    const ends = await Promise.all(Array.from({ length: 1_000 }, () => world.orders.obtain(name)));
    expect(new Set(ends.map((end) => end.kind))).toEqual(new Set(['issued']));
    expect(world.server.orders.length).toBe(1);
    expect((await world.store.certificate(name))?.hostName).toBe(name);
  });

  test('orders the name of a node that died, however briefly a visitor waits', async () => {
    world = await TlsWorld.open(1, { certificateWaitMs: 1_000 });
    const name = await lockedElsewhere();
    const startedAtMs = world.nowMs;
    // Seconds pass quickly here, until a lock of 30 s has ended.
    const clock = setInterval(() => {
      if (world.nowMs - startedAtMs > 35_000) return;
      world.nowMs += 1_000;
      world.store.wakeAll();
    }, 5);
    const end = await world.orders.obtain(name);
    clearInterval(clock);
    expect(end).toMatchObject({ kind: 'issued' });
    expect(world.nowMs - startedAtMs).toBeGreaterThan(orderLockMs);
  });

  test('a daemon that stops does not wait for the order of another node', async () => {
    world = await TlsWorld.open();
    const name = await lockedElsewhere();
    const end = world.orders.obtain(name);
    await expect.poll(() => world.names.lookups).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    world.orders.stop();
    expect(await end).toMatchObject({ kind: 'refused' });
    expect(world.server.orders.length).toBe(0);
  });

  test('causes none for 200 names without a record, and looks at each once', async () => {
    world = await TlsWorld.open();
    const names = Array.from({ length: 200 }, (_, n) => `n${n}.site.test` as HostName);
    for (let round = 0; round < 3; round += 1) {
      const ends = await Promise.all(names.map((name) => world.orders.obtain(name)));
      expect(ends.every((end) => end.kind === 'refused')).toBe(true);
    }
    expect(world.server.requests).toBe(0);
    expect(world.names.lookups).toBe(200);
  });

  test.each(['localhost', 'co.uk', 'com'])(
    'causes none for %s, which nobody registered',
    async (name) => {
      world = await TlsWorld.open();
      world.names.serve(name);
      const end = await world.orders.obtain(name as HostName);
      expect(end).toMatchObject({ kind: 'refused', refusal: { reason: /public suffix/ } });
      expect(world.names.lookups).toBe(0);
    },
  );

  test('causes none for names that a wildcard record makes up, but for those listed', async () => {
    world = await TlsWorld.open();
    world.names.wildcards.add('evil.test');
    const names = Array.from({ length: 100 }, (_, n) => `n${n}.evil.test` as HostName);
    const ends = await Promise.all(names.map((name) => world.orders.obtain(name)));
    expect(ends.every((end) => end.kind === 'refused')).toBe(true);
    expect(ends[0]).toMatchObject({ refusal: { reason: /wildcard/ } });
    expect(world.server.requests).toBe(0);
    const listed = world.names.serve('www.evil.test', { isListed: true });
    expect(await world.orders.obtain(listed)).toMatchObject({ kind: 'issued' });
  });

  test('keeps to the cap of a registered name, over a restart too', async () => {
    world = await TlsWorld.open(1, { ordersPerRegisteredNamePerWeekMax: 2 });
    const names = Array.from({ length: 4 }, (_, n) => world.names.serve(`n${n}.site.test`));
    for (const name of names.slice(0, 3)) await world.orders.obtain(name);
    expect(world.server.orders.length).toBe(2);
    await world.close();
    await world.directories.close();
    await world.build();
    const last = names[3] as HostName;
    expect(await world.orders.obtain(last)).toMatchObject({ refusal: { reason: /week/ } });
    expect(await world.orders.obtain(world.names.serve('other.test'))).toMatchObject({
      kind: 'issued',
    });
    world.nowMs += 8 * 24 * HOUR_MS;
    expect(await world.orders.obtain(last)).toMatchObject({ kind: 'issued' });
  });

  test('keeps to the cap of a folder, whatever its names', async () => {
    world = await TlsWorld.open(1, { ordersPerFolderPerWeekMax: 2 });
    const names = ['a.test', 'b.test', 'c.test'].map((name) => world.names.serve(name));
    for (const name of names) await world.orders.obtain(name);
    expect(world.server.orders.length).toBe(2);
    const folderKey = '/keybase/public/bob' as FolderKey;
    const other = world.names.serve('d.test', { folderKey });
    expect(await world.orders.obtain(other)).toMatchObject({ kind: 'issued' });
  });

  test('keeps to the cap of an hour over all', async () => {
    world = await TlsWorld.open(1, { ordersPerHourMax: 2 });
    const names = Array.from({ length: 4 }, (_, n) =>
      world.names.serve(`n${n}.test`, { folderKey: `/keybase/public/u${n}` as FolderKey }),
    );
    for (const name of names) await world.orders.obtain(name);
    expect(world.server.orders.length).toBe(2);
    world.nowMs += HOUR_MS + 60_000;
    expect(await world.orders.obtain(names[3] as HostName)).toMatchObject({ kind: 'issued' });
  });

  test('leaves certificates of the hour for the folders of others', async () => {
    world = await TlsWorld.open(1, { ordersPerHourMax: 8 });
    const ordersOf = async (owner: string, count: number): Promise<number> => {
      const before = world.server.orders.length;
      for (let n = 0; n < count; n += 1) {
        const folderKey = `/keybase/public/${owner}/f${n}` as FolderKey;
        await world.orders.obtain(world.names.serve(`n.${owner}${n}.test`, { folderKey }));
      }
      return world.server.orders.length - before;
    };
    expect(await ordersOf('mallory', 10)).toBe(5);
    // Another owner whose name begins alike is another owner.
    expect(await ordersOf('mallory2', 10)).toBe(2);
    expect(await ordersOf('alice', 1)).toBe(1);
    expect(await ordersOf('late', 1)).toBe(0);
  });

  test('leaves room beside the names of one owner whose proof takes long', async () => {
    world = await TlsWorld.open(1, { ordersInFlightMax: 4 });
    const held = Promise.withResolvers<void>();
    world.server.rules.heldBy = held.promise;
    const slow = Array.from({ length: 6 }, (_, n) =>
      world.orders.obtain(world.names.serve(`n.m${n}.test`)),
    );
    await expect.poll(() => world.server.orders.length).toBe(3);
    const folderKey = '/keybase/public/bob' as FolderKey;
    const other = world.orders.obtain(world.names.serve('bob.test', { folderKey }));
    await expect.poll(() => world.server.orders.length).toBe(4);
    held.resolve();
    expect(await other).toMatchObject({ kind: 'issued' });
    const ends = await Promise.all(slow);
    expect(ends.filter(({ kind }) => kind === 'issued').length).toBe(3);
  });

  test('has only so many under way at once, and lets the others ask again', async () => {
    world = await TlsWorld.open(1, { ordersInFlightMax: 1 });
    const held = Promise.withResolvers<void>();
    world.server.rules.heldBy = held.promise;
    const first = world.orders.obtain(world.names.serve('a.test'));
    await expect.poll(() => world.server.orders.length).toBe(1);
    const second = world.names.serve('b.test');
    expect(await world.orders.obtain(second)).toMatchObject({ refusal: { reason: /too many/ } });
    held.resolve();
    expect(await first).toMatchObject({ kind: 'issued' });
    expect(await world.orders.obtain(second)).toMatchObject({ kind: 'issued' });
  });

  test('keeps only so many certificates', async () => {
    world = await TlsWorld.open(1, { certificatesMax: 1 });
    await world.orders.obtain(world.names.serve('a.test'));
    const end = await world.orders.obtain(world.names.serve('b.test'));
    expect(end).toMatchObject({ refusal: { reason: /are kept/ } });
    expect(world.server.orders.length).toBe(1);
  });

  test('orders nothing for a name without an address, or with none of ours', async () => {
    world = await TlsWorld.open();
    const name = world.names.serve('a.test');
    world.names.addresses.delete(name);
    expect(await world.orders.obtain(name)).toMatchObject({ refusal: { reason: /no A or AAAA/ } });
    world.publicAddresses = ['cb007101'];
    await world.close();
    await world.build();
    const other = world.names.serve('b.test');
    expect(await world.orders.obtain(other)).toMatchObject({ refusal: { reason: /public_add/ } });
    world.names.addresses.set('c.test', 'cb007101');
    world.names.served.set('c.test', { folderKey: '/c' as FolderKey, isListed: false });
    expect(await world.orders.obtain('c.test' as HostName)).toMatchObject({ kind: 'issued' });
  });

  test('leaves a name that failed alone, for longer each time, over a restart too', async () => {
    world = await TlsWorld.open();
    const name = world.names.serve('a.test');
    world.server.rules.rejectedNames.add(name);
    const holds: number[] = [];
    for (let failures = 0; failures < 3; failures += 1) {
      const end = await world.orders.obtain(name);
      if (end.kind !== 'refused') throw new Error('issued');
      holds.push(end.refusal.holdsMs);
      const before = world.server.requests;
      await world.directories.close();
      await world.close();
      await world.build();
      await world.orders.obtain(name);
      expect(world.server.requests).toBe(before);
      world.nowMs += end.refusal.holdsMs + 1;
    }
    expect(holds).toEqual([60_000, 120_000, 240_000]);
    world.server.rules.rejectedNames.clear();
    expect(await world.orders.obtain(name)).toMatchObject({ kind: 'issued' });
    expect(await world.store.failure(name)).toBeUndefined();
  });

  test('that no authority took count for nothing, and are tried again soon after', async () => {
    world = await TlsWorld.open(1, { ordersPerRegisteredNamePerWeekMax: 2 });
    const name = world.names.serve('a.test');
    world.server.rules.failure = { status: 503, type: 'serverInternal' };
    for (let attempts = 0; attempts < 20; attempts += 1) {
      const end = await world.orders.obtain(name);
      if (end.kind !== 'refused') throw new Error('issued');
      expect(end.refusal.holdsMs).toBeLessThanOrEqual(600_000);
      world.nowMs += end.refusal.holdsMs + 1;
    }
    world.server.rules.failure = undefined;
    expect(await world.orders.obtain(name)).toMatchObject({ kind: 'issued' });
  });

  test('that cannot be proved count, for the authority counts them', async () => {
    world = await TlsWorld.open(1, { ordersPerRegisteredNamePerWeekMax: 2 });
    world.stage.show = () => Promise.resolve();
    const name = world.names.serve('a.test');
    for (let attempts = 0; attempts < 4; attempts += 1) {
      await world.orders.obtain(name);
      world.nowMs += HOUR_MS;
    }
    expect(world.server.orders.length).toBe(2);
  });

  test('that end with the daemon are nobody’s failure', async () => {
    world = await TlsWorld.open();
    const held = Promise.withResolvers<void>();
    world.server.rules.heldBy = held.promise;
    const name = world.names.serve('a.test');
    const end = world.orders.obtain(name);
    await expect.poll(() => world.server.orders[0]?.status).toBe('processing');
    world.orders.stop();
    await world.directories.close();
    expect(await end).toMatchObject({ kind: 'refused' });
    expect(await world.store.failure(name)).toBeUndefined();
    held.resolve();
  });

  test('tells the log once why strangers get none', async () => {
    world = await TlsWorld.open(1, { ordersPerRegisteredNamePerWeekMax: 0 });
    for (let n = 0; n < 20; n += 1) await world.orders.obtain(world.names.serve(`n${n}.a.test`));
    const told = world.log.filter((line) => line.msg === 'certificate not ordered');
    expect(told.map((line) => line.hostName)).toEqual(['n0.a.test']);
  });

  test('goes on to the next directory when one fails, and leaves the first alone', async () => {
    world = await TlsWorld.open(2);
    const [first, second] = world.servers;
    if (first === undefined || second === undefined) throw new Error('no servers');
    first.rules.failure = { status: 503, type: 'serverInternal' };
    await world.orders.obtain(world.names.serve('a.test'));
    expect(second.orders.length).toBe(1);
    const before = first.requests;
    await world.orders.obtain(world.names.serve('b.test'));
    expect(first.requests).toBe(before);
    first.rules.failure = undefined;
    world.nowMs += 61_000;
    await world.orders.obtain(world.names.serve('c.test'));
    expect(first.orders.length).toBe(1);
  });

  test('lets the others order while the authority fails for one name', async () => {
    world = await TlsWorld.open();
    const faults = Array.from({ length: 5 }, () => ({ resource: 'order', status: 500 }));
    world.server.rules.faults.push(...faults);
    const failed = await world.orders.obtain(world.names.serve('a.test'));
    expect(failed).toMatchObject({ kind: 'refused', refusal: { reason: /as told/ } });
    expect(await world.orders.obtain(world.names.serve('b.test'))).toMatchObject({
      kind: 'issued',
    });
  });

  test('leaves a directory alone that fails for name after name', async () => {
    world = await TlsWorld.open();
    const faults = Array.from({ length: 15 }, () => ({ resource: 'order', status: 500 }));
    world.server.rules.faults.push(...faults);
    for (const name of ['a.test', 'b.test', 'c.test']) {
      await world.orders.obtain(world.names.serve(name));
    }
    const before = world.server.requests;
    const end = await world.orders.obtain(world.names.serve('d.test'));
    expect(end).toMatchObject({ kind: 'refused', isOutage: true });
    expect(world.server.requests).toBe(before);
    expect(await world.store.failure('d.test' as HostName)).toBeUndefined();
    world.nowMs += 61_000;
    expect(await world.orders.obtain('d.test' as HostName)).toMatchObject({ kind: 'issued' });
  });

  test('counts an outage against no name, and orders as soon as it is over', async () => {
    world = await TlsWorld.open();
    world.server.rules.failure = { status: 503, type: 'serverInternal' };
    const name = world.names.serve('a.test');
    expect(await world.orders.obtain(name)).toMatchObject({ refusal: { holdsMs: 60_000 } });
    expect(await world.store.failure(name)).toBeUndefined();
    world.server.rules.failure = undefined;
    world.nowMs += 60_001;
    expect(await world.orders.obtain(name)).toMatchObject({ kind: 'issued' });
  });

  test('leaves a directory alone when it limits the account, not for a limited name', async () => {
    world = await TlsWorld.open();
    const { limitedNames } = world.server.rules;
    for (const name of ['a.evil.test', 'b.evil.test', 'c.evil.test', 'a.test', 'b.test', 'c.test'])
      limitedNames.add(name);
    const obtain = (name: string) => world.orders.obtain(world.names.serve(name));
    for (const name of ['a.evil.test', 'b.evil.test', 'c.evil.test', 'a.test']) {
      expect(await obtain(name)).toMatchObject({ refusal: { reason: /rateLimited/ } });
    }
    expect(await obtain('fine.test')).toMatchObject({ kind: 'issued' });
    world.nowMs += HOUR_MS;
    for (const name of ['c.evil.test', 'b.test', 'c.test']) await obtain(name);
    const before = world.server.requests;
    expect(await obtain('other.test')).toMatchObject({ refusal: { reason: /reachable/ } });
    expect(world.server.requests).toBe(before);
    world.nowMs += HOUR_MS;
    expect(await obtain('other.test')).toMatchObject({ kind: 'issued' });
  });

  test('goes on to the next directory when the first has closed our account', async () => {
    world = await TlsWorld.open(2);
    world.server.rules.failure = { status: 403, type: 'unauthorized' };
    const name = world.names.serve('a.test');
    expect(await world.orders.obtain(name)).toMatchObject({ kind: 'issued' });
    expect(world.servers.map((server) => server.orders.length)).toEqual([0, 1]);
  });

  test('does not carry a name that cannot prove itself to the next directory', async () => {
    world = await TlsWorld.open(2);
    world.stage.show = () => Promise.resolve();
    expect(await world.orders.obtain(world.names.serve('a.test'))).toMatchObject({
      kind: 'refused',
    });
    expect(world.servers.map((server) => server.orders.length)).toEqual([1, 0]);
  });
});
