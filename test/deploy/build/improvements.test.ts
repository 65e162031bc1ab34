import { describe, expect, test } from 'vitest';
import { Improvements } from '../../../src/deploy/build/improvements.ts';
import type { Digest, OwnerKey } from '../../../src/names.ts';
import { LogBook, until } from '../world.ts';

const [first, second] = ['first', 'second'] as [Digest, Digest];
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
};

function makeImprovements() {
  const begun: Digest[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const journal = new LogBook();
  const improvements = new Improvements({
    improve: (digest) => {
      begun.push(digest);
      return new Promise((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    },
    ownerOf: () => '/owner' as OwnerKey,
    journal,
  });
  return { improvements, begun, ends, journal };
}

describe('Improvements', () => {
  test('are made for what is asked for and has something to come, one at a time', async () => {
    const { improvements, begun, ends } = makeImprovements();
    improvements.begin(first);
    await turns();
    expect(begun).toEqual([]);
    for (const digest of [first, second]) {
      improvements.note(digest);
      improvements.begin(digest);
      improvements.begin(digest);
    }
    await until(() => begun.length === 1);
    await turns();
    expect(begun).toEqual([first]);
    // What is served meanwhile is noted anew: it comes with what is under way.
    improvements.note(first);
    improvements.begin(first);
    ends[0]?.();
    await until(() => begun.length === 2);
    ends[1]?.();
    await turns();
    improvements.begin(first);
    await turns();
    expect(begun).toEqual([first, second]);
  });

  test('give way to deploys', async () => {
    const { improvements, begun } = makeImprovements();
    const deploy = Promise.withResolvers<void>();
    const deployed = improvements.giveWayTo(deploy.promise);
    improvements.note(first);
    improvements.begin(first);
    await turns();
    expect(begun).toEqual([]);
    deploy.resolve();
    await deployed;
    await until(() => begun.length === 1);
  });

  test('are put off when they fail, and said to be', async () => {
    const { improvements, begun, ends, journal } = makeImprovements();
    improvements.note(first);
    improvements.begin(first);
    await until(() => begun.length === 1);
    ends[0]?.(new Error('no process'));
    await until(() => journal.matching(/optimising-postponed.*no process/).length === 1);
    improvements.begin(first);
    await turns();
    expect(begun).toHaveLength(1);
  });

  test('are not made for what nobody has any more', async () => {
    const { improvements, begun } = makeImprovements();
    improvements.note(first);
    improvements.forget(first);
    improvements.begin(first);
    await turns();
    expect(begun).toEqual([]);
  });
});
