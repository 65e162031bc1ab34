import { expect, test } from 'vitest';
import { nearestName, suggestion } from '../../src/config/suggest.ts';

const names = ['listen', 'mounts', 'threads', 'run', 'check'];

test.each([
  ['lisen', 'listen'],
  ['mount', 'mounts'],
  ['litsen', 'listen'],
  // Two letters that changed places are one slip.
  ['rnu', 'run'],
  ['chekc', 'check'],
  ['THREADS', 'threads'],
  ['xyz', undefined],
  ['', undefined],
])('%j is near %j', (received, nearest) => {
  expect(nearestName(received, names)).toBe(nearest);
});

test('there is nothing to say without a near name', () => {
  expect(suggestion('xyz', names)).toBe('');
  expect(suggestion('lisen', names)).toBe(' (did you mean "listen"?)');
});
