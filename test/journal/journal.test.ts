import pino from 'pino';
import { expect, test } from 'vitest';
import { eventRows } from '../../src/journal/events.ts';
import { type JournalEvent, logReader, openJournal } from '../../src/journal/journal.ts';

test('an event reaches every reader with its level, sentence and facts', () => {
  const first: JournalEvent[] = [];
  const second: JournalEvent[] = [];
  const journal = openJournal(
    (event) => first.push(event),
    (event) => second.push(event),
  );
  const facts = { folderKey: '/keybase/private/alice', reason: 'EIO', isServed: true };
  journal.tell('folder-away', facts);
  expect(first).toEqual([
    {
      kind: 'folder-away',
      level: 'warn',
      text: 'folder cannot be reached: its last good version keeps serving',
      facts,
    },
  ]);
  expect(second).toEqual(first);
});

test('the log has the kind as a field, so that a line is found without its sentence', () => {
  const lines: unknown[] = [];
  const sink = { write: (line: string) => lines.push(JSON.parse(line)) };
  const journal = openJournal(logReader(pino({ base: null, timestamp: false }, sink)));
  journal.tell('thread-replaced', { threadNumber: 1 });
  const kind = 'thread-replaced';
  expect(lines).toEqual([{ level: 40, event: kind, threadNumber: 1, msg: 'thread replaced' }]);
});

test('a level that is off makes no line', () => {
  const lines: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line: string) => lines.push(line) });
  openJournal(logReader(logger)).tell('stopped', {});
  expect(lines).toEqual([]);
});

test('kinds are words with hyphens, and sentences do not end in a full stop', () => {
  for (const [kind, { text }] of Object.entries(eventRows)) {
    expect(kind).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    if (typeof text === 'string') expect(text).not.toMatch(/[.\n]$/);
  }
});
