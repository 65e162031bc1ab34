import { describe, expect, test } from 'vitest';
import { defaultWatch } from '../../../src/config/config.ts';
import { chooseTiming, isNetworkType } from '../../../src/deploy/look/timing.ts';

describe('chooseTiming()', () => {
  test('a local disk: short waits, events', () => {
    expect(chooseTiming(defaultWatch, { isNetwork: false, mode: 'auto' })).toEqual({
      quietMs: 300,
      pollMs: 1_000,
      settledAgeMs: 300,
      quietClosedMs: 75,
      hasEvents: true,
    });
  });

  test('a FUSE or network mount: long waits, no events unless asked for', () => {
    const timing = { quietMs: 2_000, pollMs: 2_000, settledAgeMs: 60_000, hasEvents: false };
    expect(chooseTiming(defaultWatch, { isNetwork: true, mode: 'auto' })).toEqual(timing);
    expect(chooseTiming(defaultWatch, { isNetwork: true, mode: 'events' })).toEqual({
      ...timing,
      hasEvents: true,
    });
  });

  test('a time for closed files is of use where it is the shorter one', () => {
    const watch = { ...defaultWatch, quietClosedMs: defaultWatch.quietMs };
    const { quietClosedMs } = chooseTiming(watch, { isNetwork: false, mode: 'auto' });
    expect(quietClosedMs).toBeUndefined();
  });

  test('poll: no events on a local disk either', () => {
    const { hasEvents } = chooseTiming(defaultWatch, { isNetwork: false, mode: 'poll' });
    expect(hasEvents).toBe(false);
  });
});

describe('isNetworkType()', () => {
  test('knows FUSE, NFS and CIFS, signed or not, and no local disk', () => {
    for (const type of [0x65735546, 0x6969, 0xff534d42, 0xff534d42 | 0, 0x01021997]) {
      expect(isNetworkType(type)).toBe(true);
    }
    // ext4, btrfs, xfs, tmpfs, overlay
    for (const type of [0xef53, 0x9123683e, 0x58465342, 0x01021994, 0x794c7630]) {
      expect(isNetworkType(type)).toBe(false);
    }
  });
});
