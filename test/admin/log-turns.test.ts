import { expect, test } from 'vitest';
import { LogTurns } from '../../src/admin/log-turns.ts';
import type { OwnerKey } from '../../src/names.ts';

const alice = '/keybase/public/alice' as OwnerKey;
const mallory = '/keybase/public/mallory' as OwnerKey;

test('whoever reads little waits for one piece of an owner who reads much', async () => {
  const read: string[] = [];
  const turns = new LogTurns(() => 0);
  const much = Array.from({ length: 50 }, () =>
    turns.readerFor(mallory)(() => read.push('mallory')),
  );
  await turns.readerFor(alice)(() => read.push('alice'));
  expect(read.length).toBeLessThanOrEqual(3);
  // The operator, too.
  await turns.readerFor()(() => read.push('operator'));
  expect(read.length).toBeLessThanOrEqual(6);
  await Promise.all(much);
  expect(read.filter((owner) => owner === 'mallory')).toHaveLength(50);
});

test('one piece is read at a time, and the log rests for three times as long', async () => {
  let nowMs = 0;
  let most = 0;
  let now = 0;
  const turns = new LogTurns(() => nowMs);
  const startedAtMs = performance.now();
  const readAll = Array.from({ length: 10 }, (_, at) =>
    turns.readerFor(`/owner${at}` as OwnerKey)(() => {
      now += 1;
      most = Math.max(most, now);
      nowMs += 4;
      now -= 1;
      return at;
    }),
  );
  expect(await Promise.all(readAll)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(most).toBe(1);
  // A tick of a timer may be told early.
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(10 * (3 * 4 - 1));
});

test('an error in a piece is its reader’s, and others go on', async () => {
  const turns = new LogTurns(() => 0);
  const broken = turns.readerFor(mallory)(() => {
    throw new Error('no such line');
  });
  await expect(broken).rejects.toThrow('no such line');
  expect(await turns.readerFor(alice)(() => 'read')).toBe('read');
});
