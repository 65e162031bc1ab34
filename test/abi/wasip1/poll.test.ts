import { describe, expect, test } from 'vitest';
import { World } from '../../support/abi-world.ts';
import { createPuppet, PipedInput, type Puppet } from './puppet.ts';

interface Wanted {
  readonly userdata: bigint;
  readonly clock?: { readonly id: number; readonly ns: bigint; readonly flags?: number };
  readonly read?: number;
  readonly write?: number;
}

const SUBSCRIPTIONS = 1_000;
const EVENTS = 5_000;

function poll(puppet: Puppet, wanted: readonly Wanted[]): Promise<number> {
  for (const [index, { userdata, clock, read, write }] of wanted.entries()) {
    const at = SUBSCRIPTIONS + index * 48;
    puppet.bytes.fill(0, at, at + 48);
    puppet.bytes.writeBigUInt64LE(userdata, at);
    if (clock === undefined) {
      puppet.bytes[at + 8] = read === undefined ? 2 : 1;
      puppet.bytes.writeUInt32LE(read ?? write ?? 0, at + 16);
    } else {
      puppet.bytes.writeUInt32LE(clock.id, at + 16);
      puppet.bytes.writeBigUInt64LE(clock.ns, at + 24);
      puppet.bytes.writeUInt16LE(clock.flags ?? 0, at + 40);
    }
  }
  return puppet.call('poll_oneoff', SUBSCRIPTIONS, EVENTS, wanted.length, 100);
}

function events(puppet: Puppet): readonly object[] {
  return Array.from({ length: puppet.u32(100) }, (_, index) => {
    const at = EVENTS + index * 32;
    const { bytes } = puppet;
    return {
      userdata: bytes.readBigUInt64LE(at),
      errno: bytes.readUInt16LE(at + 8),
      type: bytes[at + 10],
      bytes: bytes.readBigUInt64LE(at + 16),
      flags: bytes.readUInt16LE(at + 24),
    };
  });
}

const clockEvent = (userdata: bigint) => ({ userdata, errno: 0, type: 0, bytes: 0n, flags: 0 });

describe('poll_oneoff', () => {
  test('a sleep ends when it is due, and not before', async () => {
    const world = new World();
    const puppet = await createPuppet({ world });
    let isOver = false;
    const sleeping = poll(puppet, [{ userdata: 7n, clock: { id: 1, ns: 5_000_000n } }]);
    void sleeping.then(() => {
      isOver = true;
    });
    world.elapse(4_999_999n);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect(isOver).toBe(false);
    world.elapse(1n);
    expect(await sleeping).toBe(0);
    expect(events(puppet)).toEqual([clockEvent(7n)]);
    expect(world.waiting.size).toBe(0);
  });

  test('the shortest of several sleeps is told alone', async () => {
    const world = new World();
    const puppet = await createPuppet({ world });
    const sleeping = poll(puppet, [
      { userdata: 1n, clock: { id: 1, ns: 9_000_000n } },
      { userdata: 2n, clock: { id: 1, ns: 5_000_000n } },
    ]);
    world.elapse(6_000_000n);
    await sleeping;
    expect(events(puppet)).toEqual([clockEvent(2n)]);
  });

  test('an instant of the real time that has passed is due at once', async () => {
    const world = new World();
    const puppet = await createPuppet({ world });
    const clock = { id: 0, ns: world.nowNs, flags: 1 };
    expect(await poll(puppet, [{ userdata: 3n, clock }])).toBe(0);
    expect(events(puppet)).toEqual([clockEvent(3n)]);
  });

  test('outputs are ready, inputs when something has come', async () => {
    const stdin = new PipedInput();
    const puppet = await createPuppet({ stdin });
    await poll(puppet, [
      { userdata: 1n, read: 0 },
      { userdata: 2n, write: 1 },
    ]);
    expect(events(puppet)).toMatchObject([{ userdata: 2n, errno: 0, type: 2 }]);
    const waiting = poll(puppet, [{ userdata: 1n, read: 0 }]);
    stdin.push('abc');
    await waiting;
    expect(events(puppet)).toEqual([{ userdata: 1n, errno: 0, type: 1, bytes: 3n, flags: 0 }]);
  });

  test('an input that is empty again by the turn of the guest is waited for again', async () => {
    const world = new World();
    const stdin = new PipedInput();
    const puppet = await createPuppet({ world, stdin });
    const wanted = [
      { userdata: 1n, read: 0 },
      { userdata: 2n, clock: { id: 1, ns: 5_000_000n } },
    ];
    const first = poll(puppet, wanted);
    world.elapse(3_000_000n);
    stdin.push('abc');
    stdin.take(3);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    // Of the time it asked for, what has passed counts.
    world.elapse(2_000_000n);
    expect(await first).toBe(0);
    expect(events(puppet)).toEqual([clockEvent(2n)]);
    const second = poll(puppet, [{ userdata: 1n, read: 0 }]);
    stdin.push('abc');
    stdin.take(3);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    stdin.push('de');
    expect(await second).toBe(0);
    expect(events(puppet)).toEqual([{ userdata: 1n, errno: 0, type: 1, bytes: 2n, flags: 0 }]);
    expect(world.waiting.size).toBe(0);
  });

  test('the end of the input is an event with a hang-up', async () => {
    const puppet = await createPuppet();
    await poll(puppet, [{ userdata: 1n, read: 0 }]);
    expect(events(puppet)).toEqual([{ userdata: 1n, errno: 0, type: 1, bytes: 0n, flags: 1 }]);
  });

  test('what cannot be waited for is an event with its errno', async () => {
    const puppet = await createPuppet();
    await poll(puppet, [
      { userdata: 1n, read: 99 },
      { userdata: 2n, write: 0 },
      { userdata: 3n, read: 3 },
      { userdata: 4n, clock: { id: 9, ns: 1n } },
    ]);
    expect(events(puppet)).toMatchObject([
      { userdata: 1n, errno: 8 },
      { userdata: 2n, errno: 8 },
      { userdata: 3n, errno: 8 },
      { userdata: 4n, errno: 28 },
    ]);
  });

  test('of nothing and of unknown kinds is refused', async () => {
    const puppet = await createPuppet();
    expect(await poll(puppet, [])).toBe(28);
    puppet.bytes[SUBSCRIPTIONS + 8] = 3;
    expect(await puppet.call('poll_oneoff', SUBSCRIPTIONS, EVENTS, 1, 100)).toBe(28);
  });

  test('takes 1024 at once, and no more', async () => {
    const puppet = await createPuppet({ pages: 3 });
    puppet.bytes.fill(0);
    expect(await puppet.call('poll_oneoff', 0, 65_536, 1_024, 130_000)).toBe(0);
    expect(puppet.u32(130_000)).toBe(1_024);
    puppet.bytes.fill(0);
    expect(await puppet.call('poll_oneoff', 0, 65_536, 1_025, 130_000)).toBe(28);
  });

  test('output leaves before the guest waits; the end of the run ends the sleep', async () => {
    const world = new World();
    let flushes = 0;
    const stdout = {
      write: () => undefined,
      flush: () => {
        flushes += 1;
      },
    };
    const puppet = await createPuppet({ world, stdout });
    void poll(puppet, [{ userdata: 7n, clock: { id: 1, ns: 5_000_000n } }]);
    expect(flushes).toBe(1);
    expect(world.waiting.size).toBe(1);
    puppet.host.guest.release();
    expect(world.waiting.size).toBe(0);
  });

  test('the beginning of an answer leaves when the guest has waited for a moment', async () => {
    const world = new World();
    let flushes = 0;
    const stdout = {
      write: () => undefined,
      flush: () => {
        flushes += 1;
      },
      mayHold: true,
    };
    const puppet = await createPuppet({ world, stdout });
    const waiting = poll(puppet, [{ userdata: 7n, clock: { id: 1, ns: 1_000_000_000n } }]);
    expect(flushes).toBe(0);
    world.elapse(19_000_000n);
    await Promise.resolve();
    expect(flushes).toBe(0);
    world.elapse(1_000_000n);
    await Promise.resolve();
    expect(flushes).toBe(1);
    world.elapse(1_000_000_000n);
    await waiting;
    expect(world.waiting.size).toBe(0);
  });

  test('many short waits hold the beginning of an answer no longer than a long one', async () => {
    const world = new World();
    let flushes = 0;
    const stdout = {
      write: () => undefined,
      flush: () => {
        flushes += 1;
      },
      mayHold: true,
    };
    const puppet = await createPuppet({ world, stdout });
    for (let count = 0; count < 3; count += 1) {
      const waiting = poll(puppet, [{ userdata: 7n, clock: { id: 1, ns: 6_000_000n } }]);
      world.elapse(6_000_000n);
      await waiting;
    }
    expect(flushes).toBe(0);
    void poll(puppet, [{ userdata: 7n, clock: { id: 1, ns: 6_000_000n } }]);
    world.elapse(2_000_000n);
    await Promise.resolve();
    expect(flushes).toBe(1);
    puppet.host.guest.release();
  });

  test('neither its own work nor a late timer counts as waiting', async () => {
    const world = new World();
    let flushes = 0;
    const stdout = {
      write: () => undefined,
      flush: () => {
        flushes += 1;
      },
      mayHold: true,
    };
    const puppet = await createPuppet({ world, stdout });
    for (let count = 0; count < 3; count += 1) {
      const waiting = poll(puppet, [{ userdata: 7n, clock: { id: 1, ns: 1_000_000n } }]);
      world.elapse(50_000_000n);
      await waiting;
      world.elapse(100_000_000n);
    }
    expect(flushes).toBe(0);
    expect(world.waiting.size).toBe(0);
  });

  test('a loop of readings that do not wait holds it no longer either', async () => {
    const world = new World();
    let flushes = 0;
    const stdout = {
      write: () => undefined,
      flush: () => {
        flushes += 1;
      },
      mayHold: true,
    };
    const puppet = await createPuppet({ world, stdout, stdin: new PipedInput() });
    puppet.putIovecs(200, [300, 8]);
    expect(await puppet.call('fd_fdstat_set_flags', 0, 4)).toBe(0);
    for (let count = 0; count < 3; count += 1) {
      expect(await puppet.call('fd_read', 0, 200, 1, 100)).toBe(6);
      world.elapse(9_000_000n);
    }
    expect(flushes).toBe(0);
    expect(await puppet.call('fd_read', 0, 200, 1, 100)).toBe(6);
    expect(flushes).toBe(1);
  });

  test.each(['fd_sync', 'fd_datasync'])('%s sends at once what was written', async (hostcall) => {
    let flushes = 0;
    const stdout = {
      write: () => undefined,
      flush: () => {
        flushes += 1;
      },
      mayHold: true,
    };
    const puppet = await createPuppet({ stdout });
    expect(await puppet.call(hostcall, 1)).toBe(0);
    expect(flushes).toBe(1);
    expect(await puppet.call(hostcall, 0)).toBe(28);
  });
});
