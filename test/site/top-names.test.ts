import { expect, test } from 'vitest';
import {
  lacks,
  type TopNames,
  TopNamesTaker,
  topNamesCharsMax,
  topNamesMax,
} from '../../src/site/top-names.ts';

function taken(...names: readonly string[]): TopNames | undefined {
  const taker = new TopNamesTaker();
  for (const name of names) taker.take(name);
  return taker.names;
}

test('a folder lacks what it has under no case of its letters', () => {
  const names = taken('Style.css', 'images', 'stra\u00dfe', '\u212aelvin');
  for (const path of [['style.css'], ['IMAGES', 'a.png'], ['kelvin'], ['strasse']]) {
    expect(lacks(names, path), path.join('/')).toBe(false);
  }
  for (const path of [['hello'], ['users', '1'], ['style.cs'], ['stylecss'], ['a-b_c.d']]) {
    expect(lacks(names, path), path.join('/')).toBe(true);
  }
});

test('what a file system may find by another name is looked for', () => {
  const names = taken('progressive.html');
  for (const name of ['PROGRE~1.HTM', 'x.', 'x ', 'x:y', '.well-known', 'h\u00e9llo', '', '..']) {
    expect(lacks(names, [name]), name).toBe(false);
  }
});

test('what nobody hears of when it is new is looked for', () => {
  expect(lacks(taken(), ['-x'])).toBe(false);
});

test('a directory itself is looked for', () => {
  expect(lacks(taken(), [])).toBe(false);
  expect(lacks(undefined, ['hello'])).toBe(false);
});

test('neither modules nor what begins with a dot is noted', () => {
  expect(taken('app.wasm', 'OLD.WASM', '.git', 'a')).toEqual(new Set(['a']));
});

test('too many names, or too long ones, are none', () => {
  const many = Array.from({ length: topNamesMax }, (_, index) => `file-${index}`);
  expect(taken(...many)?.size).toBe(topNamesMax);
  expect(taken(...many, 'one-more')).toBeUndefined();
  expect(taken('x'.repeat(topNamesCharsMax - 1), 'y')?.size).toBe(2);
  expect(taken('x'.repeat(topNamesCharsMax), 'y')).toBeUndefined();
});
