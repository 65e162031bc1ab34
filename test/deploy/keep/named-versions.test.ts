import { describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { NamedVersions } from '../../../src/deploy/keep/named-versions.ts';
import type { FolderKey, OwnerKey } from '../../../src/names.ts';

const digest = (text: string) => digestBytes(new TextEncoder().encode(text));
const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const folder = (path: string) => `/keybase/public/${path}` as FolderKey;
const owner = (name: string) => `/keybase/public/${name}` as OwnerKey;

describe('NamedVersions', () => {
  test('answers what nobody names any more, and no sooner', () => {
    const named = new NamedVersions();
    named.set(folder('alice'), new Set([a, b]));
    named.set(folder('bob'), new Set([b]));
    expect(named.set(folder('alice'), new Set([c]))).toEqual([a]);
    expect(named.set(folder('bob'), new Set())).toEqual([b]);
    expect([a, b, c].map((each) => named.has(each))).toEqual([false, false, true]);
  });

  test('counts a version once for an owner who names it in several folders', () => {
    const named = new NamedVersions();
    named.set(folder('alice/one'), new Set([a, b]));
    named.set(folder('alice/two'), new Set([a]));
    expect([...named.of(owner('alice'))]).toEqual([a, b]);
    named.set(folder('alice/one'), new Set());
    expect([...named.of(owner('alice'))]).toEqual([a]);
    expect([...named.of(owner('bob'))]).toEqual([]);
  });

  test('has the one answer for a version who names the fewest, whoever was first', () => {
    const named = new NamedVersions();
    named.set(folder('mallory'), new Set([a, b, c]));
    expect(named.ownerOf(a)).toBe(owner('mallory'));
    named.set(folder('alice'), new Set([a]));
    expect(named.ownerOf(a)).toBe(owner('alice'));
    expect(named.ownerOf(b)).toBe(owner('mallory'));
    named.set(folder('alice'), new Set());
    expect(named.ownerOf(a)).toBe(owner('mallory'));
    named.set(folder('mallory'), new Set());
    expect(named.ownerOf(a)).toBeUndefined();
  });
});
