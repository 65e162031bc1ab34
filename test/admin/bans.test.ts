import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BanBook, operatorPath } from '../../src/admin/bans.ts';
import type { BanRules } from '../../src/site/bans.ts';
import { TestFolder } from '../support/folder.ts';

let nowMs = 1_000_000;
let state: TestFolder;
let book: BanBook;
let changes: BanRules[];
let troubles: unknown[];

beforeEach(() => {
  state = new TestFolder();
  changes = [];
  troubles = [];
  book = new BanBook({
    ...{ stateDirectory: state.directory, trustedCidrs: [], nowMs: () => nowMs },
    onChange: (rules) => changes.push(rules),
    onTrouble: (error) => troubles.push(error),
  });
});

afterEach(() => {
  book.close();
  state[Symbol.dispose]();
});

test('may be closed again', () => {
  book.close();
  expect(() => book.close()).not.toThrow();
});

test('a file that is held by another ends no daemon, and the ban ends later', async () => {
  const until = new Date(nowMs + 60_000).toISOString();
  book.add({ kind: 'host', value: 'site.test', reason: '', until });
  const other = new DatabaseSync(operatorPath(state.directory));
  other.exec('BEGIN IMMEDIATE');
  nowMs += 60_001;
  await expect.poll(() => troubles.length, { timeout: 30_000 }).toBe(1);
  expect(book.rules.hosts).toEqual(['site.test']);
  other.exec('ROLLBACK');
  other.close();
  await expect.poll(() => book.rules.hosts, { timeout: 30_000 }).toEqual([]);
  expect(changes.at(-1)?.hosts).toEqual([]);
  expect(book.list()).toEqual([]);
});
