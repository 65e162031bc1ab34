import { describe, expect, test } from 'vitest';
import { newFile, sightFile } from '../../../src/deploy/folder/tracked-file.ts';
import { pathOf } from '../world.ts';

const timing = {
  quietMs: 300,
  pollMs: 1_000,
  settledAgeMs: 300,
  quietClosedMs: 75,
  hasEvents: true,
};

/** A file that was written at 0 and is looked at from then on. */
function watched(sizeBytes: number, timings: Partial<typeof timing> = {}) {
  const tracked = newFile();
  const path = pathOf('a.wasm');
  const file = { path, realPath: '/d/a.wasm', stamp: 'one', sizeBytes, changedAtMs: 100_000 };
  return (afterMs: number) =>
    sightFile(tracked, file, { timing: { ...timing, ...timings }, nowMs: 100_000 + afterMs });
}

describe('sightFile()', () => {
  test('has a small file judged at once, soon again, and then once it has settled', () => {
    const look = watched(1_000);
    expect(look(5)).toEqual({ isDue: true, waitMs: 295 });
    expect(look(20)).toEqual({ isDue: false, waitMs: 280 });
    expect(look(30)).toEqual({ isDue: true, waitMs: 270 });
    expect(look(200)).toEqual({ isDue: false, waitMs: 100 });
    expect(look(305)).toEqual({ isDue: true, waitMs: 0 });
  });

  test('judges what does not settle early twice a second at most', () => {
    const look = watched(1_000, { quietMs: 60_000, settledAgeMs: 60_000 });
    const due = Array.from({ length: 3_000 }, (_, afterMs) => afterMs).filter(
      (afterMs) => look(afterMs).isDue,
    );
    expect(due).toEqual([0, 20, 1_020, 1_040, 2_040, 2_060]);
  });

  test('waits with a large file until nothing more seems to come', () => {
    const look = watched(4 * 1024 * 1024);
    expect(look(5)).toEqual({ isDue: false, waitMs: 20 });
    expect(look(25)).toEqual({ isDue: true, waitMs: 275 });
  });
});
