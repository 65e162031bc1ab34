import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Digest } from '../../src/names.ts';
import type { Site } from '../../src/site/table.ts';
import { Superseded } from '../../src/threads/superseded.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A site whose `a.wasm` is of that digest. */
function siteOf(folderKey: string, digest: string, versions: readonly string[] = []): Site {
  const module = {
    ...{ kind: 'serving', digest, abi: 'terrarium' },
    versions: versions.map((each) => ({ digest: each, abi: 'terrarium' })),
  };
  return { folderKey, modules: new Map([['a.wasm', module]]) } as unknown as Site;
}

function open() {
  const sites = new Map<string, Site>();
  const forgotten: Digest[] = [];
  const superseded = new Superseded({
    sites: () => sites.values(),
    forget: (digest) => forgotten.push(digest),
  });
  const publish = (folderKey: string, digest: string, versions?: readonly string[]): void => {
    const before = sites.get(folderKey);
    const site = siteOf(folderKey, digest, versions);
    sites.set(folderKey, site);
    if (before !== undefined) superseded.note(before, site);
  };
  return { forgotten, publish };
}

test('what nobody serves any more goes after a while, and what others serve stays', () => {
  const { forgotten, publish } = open();
  publish('/mallory', 'shared');
  publish('/alice', 'shared');
  for (const digest of ['one', 'two', 'three']) publish('/mallory', digest);
  expect(forgotten).toEqual([]);
  vi.advanceTimersByTime(10_000);
  expect(forgotten.toSorted()).toEqual(['one', 'two']);
  publish('/alice', 'another');
  vi.advanceTimersByTime(10_000);
  expect(forgotten.at(-1)).toBe('shared');
});

test('what serves again, or has an address of its own, stays', () => {
  const { forgotten, publish } = open();
  publish('/alice', 'one');
  publish('/alice', 'two');
  publish('/alice', 'one', ['one', 'two']);
  vi.advanceTimersByTime(60_000);
  expect(forgotten).toEqual([]);
});
