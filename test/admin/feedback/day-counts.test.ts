import { expect, test } from 'vitest';
import { FolderDays } from '../../../src/admin/feedback/day-counts.ts';
import { counterPlace, counterRowWords } from '../../../src/journal/counter-fields.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';

const hour = 3_600_000;

function rows(requests: number, failures: number) {
  const words = new Float64Array(counterRowWords);
  words[counterPlace.requests] = requests;
  // Of a guest, 5xx.
  words[counterPlace.replies + 4] = failures;
  const folderKey = '/a' as FolderKey;
  return [{ row: 1, folderKey, modulePath: 'x.wasm' as ModulePath, words }];
}

test('counts what came in a day, and forgets what is older', () => {
  const days = new FolderDays();
  days.take(rows(100, 10), 0);
  expect(days.take(rows(160, 12), hour).get('/a')).toEqual({ requests: 60, failures: 2 });
  expect(days.take(rows(200, 12), 24 * hour).get('/a')).toEqual({ requests: 100, failures: 2 });
  expect(days.take(rows(200, 12), 25 * hour).get('/a')).toEqual({ requests: 40, failures: 0 });
});

test('a folder that went is forgotten', () => {
  const days = new FolderDays();
  days.take(rows(100, 10), 0);
  expect(days.take([], hour).size).toBe(0);
  expect(days.take(rows(5, 0), 2 * hour).get('/a')).toEqual({ requests: 0, failures: 0 });
});
