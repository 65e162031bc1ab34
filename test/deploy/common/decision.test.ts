import { describe, expect, test } from 'vitest';
import {
  type Decision,
  decide as decideWith,
  type Entry,
  type Shown,
} from '../../../src/deploy/common/decision.ts';
import type { Digest } from '../../../src/names.ts';

const minuteMs = 60_000;
const digest = (letter: string): Digest => letter.repeat(64) as Digest;
const shown = (letter: string, mtimeMs: number): Shown => ({ digest: digest(letter), mtimeMs });
const absent: Shown = { digest: null, mtimeMs: 0 };

/** Oldest first, accepted a second after each was written. */
function record(...written: readonly (readonly [letter: string, mtimeMs: number])[]): Entry[] {
  return written
    .map(([letter, mtimeMs], index) => ({
      seq: index + 1,
      digest: letter === '' ? null : digest(letter),
      mtimeMs,
      acceptedAtMs: mtimeMs + 1_000,
    }))
    .reverse();
}

const three = record(['a', minuteMs], ['b', 2 * minuteMs], ['c', 3 * minuteMs]);

function decide(
  entries: readonly Entry[],
  base: number,
  content: Shown,
  isClockTrusted = true,
): Decision {
  return decideWith(entries, { base, isClockTrusted }, content);
}

describe('decide()', () => {
  test('accepts what is first', () => {
    expect(decide([], 0, shown('a', 5))).toEqual({ kind: 'accept' });
    expect(decide([], 0, absent)).toEqual({ kind: 'hold' });
  });

  test('knows the head by its bytes and the whole seconds of its time', () => {
    expect(decide(three, 0, shown('c', 3 * minuteMs + 999))).toEqual({ kind: 'head', base: 3 });
  });

  test('accepts whatever a copy shows that had the head: reverts, old times, deletions', () => {
    for (const next of [shown('a', 4 * minuteMs), shown('a', minuteMs), shown('d', 1), absent]) {
      expect(decide(three, 3, next)).toEqual({ kind: 'accept' });
    }
  });

  test('serves the head where a copy is late, and remembers how far it is', () => {
    expect(decide(three, 0, shown('b', 2 * minuteMs))).toEqual({ kind: 'late', base: 2 });
    expect(decide(three, 2, shown('a', minuteMs))).toEqual({ kind: 'late', base: 2 });
  });

  test('holds what only its time says to be newer, where clocks do not agree', () => {
    expect(decide(three, 1, shown('d', 4 * minuteMs), false)).toEqual({ kind: 'hold' });
    expect(decide(three, 3, shown('d', 4 * minuteMs), false)).toEqual({ kind: 'accept' });
  });

  test('accepts what is unknown and newer, from a copy that never had the head', () => {
    expect(decide(three, 1, shown('d', 4 * minuteMs))).toEqual({ kind: 'accept' });
    expect(decide(three, 1, shown('d', 3 * minuteMs + 500))).toEqual({ kind: 'accept' });
    // The head was accepted long after it was written: its copy was late itself.
    const late = [{ ...three[0], acceptedAtMs: 60 * minuteMs } as Entry, ...three.slice(1)];
    expect(decide(late, 1, shown('d', 4 * minuteMs))).toEqual({ kind: 'hold' });
    expect(decide(late, 1, shown('d', 61 * minuteMs))).toEqual({ kind: 'accept' });
  });

  test('holds what is unknown and older, and what is not there yet', () => {
    expect(decide(three, 2, shown('d', minuteMs))).toEqual({ kind: 'hold' });
    expect(decide(three, 2, absent)).toEqual({ kind: 'hold' });
  });

  test('a deletion is an entry like any other', () => {
    const deleted = record(['a', minuteMs], ['', 2 * minuteMs]);
    expect(decide(deleted, 0, absent)).toEqual({ kind: 'head', base: 2 });
    expect(decide(deleted, 1, shown('a', minuteMs))).toEqual({ kind: 'late', base: 1 });
    expect(decide(deleted, 2, shown('a', minuteMs))).toEqual({ kind: 'accept' });
  });
});
