import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Sessions } from '../../../src/admin/dashboard/sessions.ts';
import { KeptSessions, keptSessionsName } from '../../../src/admin/owners/kept-sessions.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import type { FolderKey } from '../../../src/names.ts';
import { TestFolder } from '../../support/folder.ts';

const alice = '/keybase/public/alice' as FolderKey;
const idleMsMax = 1_000;

function openWorld(stateDirectory: string) {
  const state = { nowMs: 10_000 };
  const told: string[] = [];
  const start = (sessionsMax = 3) => {
    const sessions: Sessions<FolderKey> = new Sessions({
      ...{ cookieName: '__Host-x', isSecure: true, sessionsMax, nowMs: () => state.nowMs },
      ...{ idleMsMax, ageMsMax: 5_000, onChange: (change) => kept.note(change) },
    });
    const kept = new KeptSessions({
      stateDirectory,
      journal: openJournal(({ facts }) => told.push(JSON.stringify(facts))),
      rows: () => sessions.rows(),
    });
    sessions.restore(kept.read());
    return { sessions, kept };
  };
  return { state, told, start };
}

const headersOf = (setCookie: string) => ({ cookie: setCookie.split(';')[0] ?? '' });

test('a restart signs nobody out, and gives nobody more time', async () => {
  using place = new TestFolder();
  const { start, state } = openWorld(place.directory);
  const before = start();
  const { session, setCookie } = before.sessions.begin(alice, '192.0.2.1');
  await before.kept.flush();
  const file = place.path(keptSessionsName);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // What the browser shows does not stand in it.
  const secret = headersOf(setCookie).cookie.split('=')[1] ?? '';
  expect(readFileSync(file, 'utf8')).not.toContain(secret);

  const after = start();
  expect(after.sessions.list()).toEqual([session]);
  expect(after.sessions.find(headersOf(setCookie))).toMatchObject({ id: session.id, of: alice });
  state.nowMs += idleMsMax;
  expect(start().sessions.find(headersOf(setCookie))).toBeUndefined();
});

test('what has ended does not come back', async () => {
  using place = new TestFolder();
  const { start } = openWorld(place.directory);
  const before = start();
  const { session, setCookie } = before.sessions.begin(alice, '192.0.2.1');
  before.sessions.end(session.id);
  await before.kept.flush();
  expect(start().sessions.find(headersOf(setCookie))).toBeUndefined();
});

test('what has ended does not come back where the file cannot be written either', async () => {
  using place = new TestFolder();
  const { start, told } = openWorld(place.directory);
  const { sessions, kept } = start();
  const { setCookie } = sessions.begin(alice, '192.0.2.1');
  await kept.flush();
  const broken = new KeptSessions({
    stateDirectory: place.directory,
    journal: openJournal(({ facts }) => told.push(JSON.stringify(facts))),
    rows: () => {
      throw new Error('ENOSPC: no space left on device');
    },
  });
  await broken.flush();
  expect(told).toEqual([expect.stringContaining('ENOSPC')]);
  expect(start().sessions.find(headersOf(setCookie))).toBeUndefined();
});

test('no more are taken up than there may be: the least recently used are left', async () => {
  using place = new TestFolder();
  const { start } = openWorld(place.directory);
  const before = start(3);
  const cookies = [1, 2, 3].map(
    (last) => before.sessions.begin(alice, `192.0.2.${last}`).setCookie,
  );
  await before.kept.flush();
  const { sessions } = start(2);
  const areThere = cookies.map((cookie) => sessions.find(headersOf(cookie)) !== undefined);
  expect(areThere).toEqual([false, true, true]);
});

test.each([
  ['no JSON', 'sessions'],
  ['cut short', '{"schemaVersion":1,"sessions":[{"hash":"'],
  ['of another kind', '{"sessions":{"length":1}}'],
  [
    'of rows that are none',
    JSON.stringify({ sessions: [null, { hash: 'x' }, { hash: 'x'.repeat(43), of: 'alice' }] }),
  ],
  [
    'of a time to come',
    JSON.stringify({
      sessions: [
        { hash: 'x'.repeat(43), of: alice, address: '', startedAtMs: 1e15, seenAtMs: 1e15 },
      ],
    }),
  ],
])('a file that is %s signs nobody in', (_, text) => {
  using place = new TestFolder();
  writeFileSync(place.path(keptSessionsName), text);
  const { start, told } = openWorld(place.directory);
  expect(start().sessions.list()).toEqual([]);
  expect(told.length).toBe(text.startsWith('{"schemaVersion":1,') || !text.startsWith('{') ? 1 : 0);
});

test('tells that a file which could not be written could not be deleted either', async () => {
  using place = new TestFolder();
  const { told, start } = openWorld(place.directory);
  const { kept } = start();
  // A directory stands where the file belongs: neither way is open.
  mkdirSync(join(place.directory, keptSessionsName));
  await kept.flush();
  const reasons = told.join('\n');
  expect(reasons).toContain('could not be written');
  expect(reasons).toContain('could not be deleted');
});
