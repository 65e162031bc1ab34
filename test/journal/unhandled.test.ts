import { expect, test } from 'vitest';
import { openJournal } from '../../src/journal/journal.ts';
import { logUnhandled } from '../../src/journal/unhandled.ts';

test('a rejection that nobody awaits is told, and ends nothing', () => {
  const log: unknown[] = [];
  const before = process.listeners('unhandledRejection');
  logUnhandled(openJournal(({ facts, text }) => log.push({ ...facts, text })));
  const added = process
    .listeners('unhandledRejection')
    .filter((listener) => !before.includes(listener));
  // As Node does; told by `emit`, the runner of the tests would hear it, too.
  for (const hear of added) hear(new Error('nobody awaits it'), Promise.resolve());
  for (const hear of added) process.off('unhandledRejection', hear);
  expect(log).toMatchObject([
    { text: 'unhandled rejection', errorDetail: expect.stringContaining('nobody awaits it') },
  ]);
});
