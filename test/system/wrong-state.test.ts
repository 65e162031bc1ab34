/**
 * Files of the state directory that are something else: a start goes on without them and loses
 * nothing that is there, or ends with the name of the file and what to do.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const kinds: Readonly<Record<string, (file: string) => void>> = {
  'a directory': (file) => mkdirSync(file),
  'a link to nothing': (file) => symlinkSync('/nowhere/at/all', file),
  'an empty file': (file) => writeFileSync(file, ''),
  garbage: (file) => writeFileSync(file, 'garbage'.repeat(1_000)),
};

const folder = new TestFolder();
let files: readonly string[] = [];

function start(state: string): Promise<TestDaemon> {
  return TestDaemon.start({ args: [folder.path('site')], stateDirectory: state, threads: 1 });
}

/** A copy of the state in which these files are of that kind. */
function damaged(names: readonly string[], kind: string): string {
  const state = folder.path('copy');
  rmSync(state, { recursive: true, force: true });
  cpSync(folder.path('state'), state, { recursive: true });
  for (const name of names) {
    rmSync(`${state}/${name}`);
    kinds[kind]?.(`${state}/${name}`);
  }
  return state;
}

async function answers(daemon: TestDaemon): Promise<true> {
  return waitFor(async () => {
    const { text } = await ask(daemon.port, '/hello.wasm');
    return text === 'hello\n' ? true : undefined;
  });
}

beforeAll(async () => {
  folder.put('hello', 'site/hello.wasm');
  await using daemon = await start(folder.path('state'));
  await answers(daemon);
  // What was made of the module is kept a moment after its first answer.
  await waitFor(() =>
    Promise.resolve(list().some((name) => name.startsWith('forms/')) || undefined),
  );
  await daemon.stop();
  files = list();
}, 120_000);

afterAll(() => folder[Symbol.dispose]());

/** The kind comes with the name: a file that is being replaced may be gone before it is asked. */
function list(): readonly string[] {
  const state = folder.path('state');
  const entries = readdirSync(state, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(state, join(entry.parentPath, entry.name)));
}

/** Without these nobody can go on: who is banned, whom to believe, whose the directory is. */
const needed = ['lock.sqlite', 'operator.sqlite', 'visit.key'];

describe.each(Object.keys(kinds))('%s', (kind) => {
  test('in place of everything else is gone round', { timeout: 120_000 }, async () => {
    const others = files.filter((name) => !needed.includes(name));
    expect(others.map((name) => name.replace(/[/.].*/, '')).sort()).toEqual(
      expect.arrayContaining(['folders', 'forms', 'modules', 'shared', 'trials']),
    );
    const state = damaged(others, kind);
    {
      await using daemon = await start(state);
      await answers(daemon);
      await daemon.stop();
    }
    // The next start finds all of it in order.
    rmSync(`${state}/shared.sqlite`, { recursive: true, force: true });
    await using again = await start(state);
    await answers(again);
    const told = again.log.filter(({ level }) => level === 'error');
    expect(told).toEqual([]);
  });

  test.each(needed)('in place of %s is told, or made anew', { timeout: 120_000 }, async (name) => {
    const state = damaged([name], kind);
    const started = await start(state).catch((error: Error) => error.message);
    if (typeof started === 'string') {
      expect(started).toContain(`${state}/${name}`);
      expect(started).toMatch(/move it away/);
      return;
    }
    await using daemon = started;
    expect(['an empty file', 'garbage']).toContain(kind);
    await answers(daemon);
  });
});
