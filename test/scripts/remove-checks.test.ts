import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checks } from '../../scripts/remove-checks/checks.ts';

const root = path.join(import.meta.dirname, '../..');

test.each(checks)('$limit: the check stands in its file once, and has a test', (each) => {
  const text = readFileSync(path.join(root, each.file), 'utf8');
  expect(text.split(each.check)).toHaveLength(2);
  expect(existsSync(path.join(root, each.test))).toBe(true);
});
