import { describe, expect, test } from 'vitest';
import { Crowd, Rhythm } from '../../../src/deploy/folder/rhythm.ts';
import type { FolderTiming } from '../../../src/deploy/look/timing.ts';

const timing: FolderTiming = { quietMs: 1, pollMs: 1_000, settledAgeMs: 1, hasEvents: true };

function makeRhythms(count: number) {
  const clock = { nowMs: 0 };
  const crowd = new Crowd();
  const nowMs = () => clock.nowMs;
  return { clock, crowd, all: Array.from({ length: count }, () => new Rhythm({ nowMs, crowd })) };
}

describe('Rhythm', () => {
  test('folders that nobody asks for are polled rarely, and looked at before the answer', () => {
    const { clock, all } = makeRhythms(1);
    const [rhythm] = all;
    rhythm?.noteLook();
    expect(rhythm?.pollMs(timing, false)).toBe(1_000);
    clock.nowMs = 150_000;
    expect(rhythm?.ask(timing)).toBe(false);
    clock.nowMs = 300_001;
    expect(rhythm?.pollMs(timing, false)).toBe(30_000);
    expect(rhythm?.ask(timing)).toBe(true);
    expect(rhythm?.pollMs(timing, false)).toBe(1_000);
    clock.nowMs = 500_000;
    rhythm?.noteLook();
    expect(rhythm?.ask(timing)).toBe(false);
  });

  test('many folders that are asked for share a tenth of a core, by looks and by glances', () => {
    const { clock, crowd, all } = makeRhythms(2_100);
    expect(all[0]?.pollMs(timing, false)).toBe(5_250);
    expect(all[0]?.pollMs(timing, true)).toBe(3_000);
    clock.nowMs = 200_000;
    for (const rhythm of all.slice(0, 10)) rhythm.ask(timing);
    for (const rhythm of all) rhythm.pollMs(timing, false);
    expect(crowd.size).toBe(10);
    expect(all[0]?.pollMs(timing, false)).toBe(1_000);
    for (const rhythm of all) rhythm.close();
    expect(crowd.size).toBe(0);
  });

  test('a folder that takes long to walk rests ten times as long, up to a minute', () => {
    const { all } = makeRhythms(1);
    all[0]?.noteWalk(1_000, 5_000);
    expect(all[0]?.pollMs(timing, false)).toBe(1_000);
    all[0]?.noteWalk(1_001, 500);
    expect(all[0]?.pollMs(timing, false)).toBe(5_000);
    all[0]?.noteWalk(20_000, 50_000);
    expect(all[0]?.pollMs(timing, false)).toBe(60_000);
  });

  test('a glance does for fifteen polls', () => {
    const { clock, all } = makeRhythms(1);
    clock.nowMs = 100_000;
    all[0]?.noteLook();
    clock.nowMs = 115_000;
    expect(all[0]?.isLookDue(timing)).toBe(false);
    clock.nowMs = 115_001;
    expect(all[0]?.isLookDue(timing)).toBe(true);
  });
});
