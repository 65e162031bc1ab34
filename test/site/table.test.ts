import { describe, expect, test } from 'vitest';
import { type FolderKey, type ModulePath, ownerOf, parseRequestPath } from '../../src/names.ts';
import { parseManifest } from '../../src/site/manifest.ts';
import {
  type Route,
  routeIndex,
  routeRequest,
  type Site,
  type SiteModule,
} from '../../src/site/table.ts';
import type { Digest } from '../../src/threads/messages.ts';

const digest = 'd'.repeat(64) as Digest;
const good: SiteModule = { kind: 'serving', digest, abi: 'terrarium' };
const error = { code: 'module-refused', detail: 'Cannot run the module: why' } as const;
const bad: SiteModule = { kind: 'refused', error };

function siteWith(modules: Record<string, SiteModule>): Site {
  return {
    folderKey: '/folder' as FolderKey,
    owner: ownerOf('/folder' as FolderKey),
    directory: '/srv/site',
    mountDirectory: '/srv/site',
    failure: undefined,
    generation: 1,
    manifest: parseManifest(undefined, 0),
    modules: new Map(Object.entries(modules).map(([path, one]) => [path as ModulePath, one])),
  };
}

function route(modules: Record<string, SiteModule>, target: string): Route {
  return routeRequest(siteWith(modules), parseRequestPath(target));
}

describe('a path with a module', () => {
  test('leads to the row on which its requests are counted', () => {
    expect(route({ 'x.wasm': { ...good, counterRow: 7 } }, '/x.wasm')).toMatchObject({
      counterRow: 7,
    });
    expect(route({ 'x.wasm': { ...bad, counterRow: 8 } }, '/x.wasm')).toMatchObject({
      counterRow: 8,
    });
  });

  test('leads to it, with the rest as path info', () => {
    expect(route({ 'dir/x.wasm': good }, '/dir/x.wasm/a%20b/?q')).toEqual({
      kind: 'module',
      modulePath: 'dir/x.wasm',
      digest,
      abi: 'terrarium',
      scriptName: '/dir/x.wasm',
      pathInfo: '/a b/',
      counterRow: 0,
    });
  });

  test('leads to the refusal of a module that never was good', () => {
    expect(route({ 'x.wasm': bad }, '/x.wasm')).toEqual({ kind: 'failure', error, counterRow: 0 });
  });

  test('leads nowhere yet when this picture has no such module', () => {
    const unknown = { kind: 'unknown-module', modulePath: 'y.wasm' };
    expect(route({ 'x.wasm': good }, '/y.wasm/x.wasm')).toEqual(unknown);
    expect(route({ 'x.wasm': good }, '/__proto__/y.wasm')).toMatchObject({
      kind: 'unknown-module',
    });
  });

  test('never leads to a file', () => {
    for (const target of ['/x.wasm', '/a/x.wasm/y.html', '/x.wasm/']) {
      expect(route({}, target).kind).toBe('unknown-module');
    }
  });
});

describe('the address of a version', () => {
  const older = `3f5a9c1d${'a'.repeat(56)}` as Digest;
  const alike = `3f5a9c1d${'b'.repeat(56)}` as Digest;
  const versions = [digest, older].map((each) => ({ digest: each, abi: 'terrarium' }));

  test('leads to that version of the module', () => {
    expect(route({ 'd/x.wasm': { ...good, versions } }, '/d/x.wasm@3f5a9c1d/a?q')).toEqual({
      kind: 'module',
      modulePath: 'd/x.wasm',
      digest: older,
      abi: 'terrarium',
      scriptName: '/d/x.wasm@3f5a9c1d',
      pathInfo: '/a',
      counterRow: 0,
    });
    const whole = `/x.wasm@${digest}`;
    expect(route({ 'x.wasm': { ...good, versions } }, whole)).toMatchObject({ digest });
  });

  test.each([
    ['of a version that is not kept', { ...good, versions }, 'eeeeeeee'],
    [
      'that two versions have',
      { ...good, versions: [...versions, { ...good, digest: alike }] },
      '3f5a9c1d',
    ],
    ['where versions have no addresses', good, '3f5a9c1d'],
    ['of a module that never was good', bad, '3f5a9c1d'],
  ])('leads nowhere: %s', (_, module, digits) => {
    expect(route({ 'x.wasm': module }, `/x.wasm@${digits}`)).toEqual({ kind: 'nothing' });
    expect(route({}, `/x.wasm@${digits}`)).toEqual({ kind: 'nothing' });
  });

  test('leads nowhere yet where the module may still come', () => {
    const path = parseRequestPath('/x.wasm@3f5a9c1d');
    const unknown = { kind: 'unknown-module', modulePath: 'x.wasm' };
    expect(routeRequest({ ...siteWith({}), isIncomplete: true }, path)).toEqual(unknown);
    const known = siteWith({ 'x.wasm': bad });
    expect(routeRequest({ ...known, isIncomplete: true }, path)).toEqual({ kind: 'nothing' });
  });
});

describe('any other path', () => {
  test('leads to a file', () => {
    expect(route({ 'index.wasm': good }, '/img/my%20cat.jpg')).toEqual({
      kind: 'file',
      segments: ['img', 'my cat.jpg'],
      isDirectory: false,
    });
  });

  test('may be a directory', () => {
    expect(route({}, '/dir/')).toEqual({ kind: 'file', segments: ['dir'], isDirectory: true });
  });
});

describe('a directory without index.html', () => {
  const site = siteWith({ 'index.wasm': good, 'dir/index.wasm': bad });

  test('leads to its index.wasm, whatever is known of it', () => {
    expect(routeIndex(site, [])).toMatchObject({
      kind: 'module',
      modulePath: 'index.wasm',
      scriptName: '',
      pathInfo: '/',
      counterRow: 0,
    });
    expect(routeIndex(site, ['dir'])).toEqual({ kind: 'failure', error, counterRow: 0 });
    expect(routeIndex(site, ['new'])).toMatchObject({ kind: 'unknown-module' });
  });

  test('leads nowhere when no module may lie there', () => {
    expect(routeIndex(site, ['a b'])).toBeUndefined();
  });
});
