import { expect, test } from 'vitest';
import { Feedback } from '../../../src/admin/feedback/feedback.ts';
import { LogBook } from '../../deploy/world.ts';

test('a look goes on without news that cannot be read, and says so once', async () => {
  const journal = new LogBook();
  let isBroken = true;
  const feedback = new Feedback({
    publisher: { folders: () => [] },
    fsOf: () => {
      throw new Error('nothing is written');
    },
    isWritable: () => true,
    node: 'node',
    version: '0',
    sessionsOf: () => [],
    facts: { of: () => ({}) as never, refresh: () => Promise.resolve() },
    logs: {
      read: () => (isBroken ? Promise.reject(new Error('no log today')) : Promise.resolve()),
      take: () => '',
    },
    journal,
    nowMs: () => 0,
  });
  await feedback.look();
  await feedback.look();
  expect(journal.matching(/no log today/)).toHaveLength(1);
  isBroken = false;
  await feedback.look();
  isBroken = true;
  await feedback.look();
  expect(journal.matching(/no log today/)).toHaveLength(2);
  await feedback.close();
});
