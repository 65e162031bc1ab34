import { describe, expect, test } from 'vitest';
import { ownerOf } from '../../../src/names/owner.ts';
import { type FolderKey, parseRequestPath } from '../../../src/names.ts';
import { Steps } from '../../../src/serve/chain/steps.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import type { Site } from '../../../src/site/table.ts';

const FOLDER = '/keybase/public/alice' as FolderKey;

function siteWith(rules: Readonly<Record<string, readonly string[]>>): Site {
  const text = Object.entries(rules)
    .map(([path, use]) => `[[middleware]]\nfor = "${path}"\nuse = ${JSON.stringify(use)}\n`)
    .join('');
  return {
    ...{ folderKey: FOLDER, owner: ownerOf(FOLDER), generation: 1, failure: undefined },
    ...{ directory: '/tmp', mountDirectory: '/tmp', modules: new Map() },
    manifest: parseManifest(undefined, 1_000),
    settings: parseSettings(Buffer.from(text), 10_000),
  };
}

function linksBefore(steps: Steps, target: string, site: Site): readonly string[] {
  return steps.before(parseRequestPath(target), target, site).map(({ modulePath }) => modulePath);
}

describe('Steps', () => {
  test('are the links of all rules that match, in the order of the file', () => {
    const site = siteWith({ '/a/*': ['one.wasm', 'two.wasm'], '/a/b': ['three.wasm'] });
    expect(linksBefore(new Steps(), '/a/b', site)).toEqual(['one.wasm', 'two.wasm', 'three.wasm']);
    expect(linksBefore(new Steps(), '/c', site)).toEqual([]);
  });

  test('are found once for a path, while the folder says the same', () => {
    const steps = new Steps();
    const path = parseRequestPath('/a');
    const site = siteWith({ '/a': ['one.wasm'] });
    const found = steps.before(path, '/a', site);
    expect(steps.before(path, '/a', site)).toBe(found);
    const other = siteWith({ '/a': ['two.wasm'] });
    expect(steps.before(path, '/a', other).map(({ modulePath }) => modulePath)).toEqual([
      'two.wasm',
    ]);
  });

  test('carry the path and the query that was asked for', () => {
    const site = siteWith({ '/a': ['one.wasm'] });
    const target = '/a?key=1';
    expect(new Steps().before(parseRequestPath(target), target, site)).toEqual([
      { modulePath: 'one.wasm', rule: 0, position: 0, target, pathInfo: '/a' },
    ]);
  });

  test('a module by its own name is a way round, until the folder says otherwise', () => {
    const steps = new Steps();
    const path = parseRequestPath('/index.wasm/admin');
    expect(steps.isWayRound(path, siteWith({ '/admin': ['one.wasm'] }))).toBe(true);
    expect(steps.isWayRound(path, siteWith({ '/other': ['one.wasm'] }))).toBe(false);
    expect(steps.isWayRound(path, siteWith({}))).toBe(false);
  });
});
