import { describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../../src/errors.ts';
import { type FolderKey, type ModulePath, ownerOf, parseRequestPath } from '../../../src/names.ts';
import { SiteFunctions } from '../../../src/serve/road/site-functions.ts';
import type { Visit } from '../../../src/serve/road/visit.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import type { Site } from '../../../src/site/table.ts';
import type { Digest } from '../../../src/threads/messages.ts';

function siteWith(paths: readonly string[], isIncomplete: boolean): Site {
  const module = { kind: 'serving', digest: 'd'.repeat(64) as Digest, abi: 'wasip1' } as const;
  return {
    folderKey: '/folder' as FolderKey,
    owner: ownerOf('/folder' as FolderKey),
    directory: '/srv/site',
    mountDirectory: '/srv/site',
    failure: undefined,
    generation: 1,
    manifest: parseManifest(undefined, 0),
    modules: new Map(paths.map((path) => [path as ModulePath, module])),
    ...(isIncomplete ? { isIncomplete } : {}),
  };
}

interface Asking {
  readonly newest?: Site;
  readonly failure?: TerrafirmaError;
}

/** Which module answers for `target`, and what the control plane was asked meanwhile. */
async function find(target: string, site: Site, { newest = site, failure }: Asking = {}) {
  const asked: string[] = [];
  const functions = new SiteFunctions({
    replica: {
      siteWithVerdict: async (_, modulePath) => {
        asked.push(modulePath);
        if (failure !== undefined) throw failure;
        return newest;
      },
    },
    doorkeeper: { allows: () => true },
  });
  const visit = { exchange: { request: { method: 'GET', query: '' } }, record: {} } as Visit;
  const found = await functions.byIndex(visit, site, parseRequestPath(target));
  return { found: found?.route.modulePath, asked };
}

describe('the nearest index.wasm', () => {
  test('is looked for in the picture alone, once all of the folder has been seen', async () => {
    const site = siteWith(['index.wasm', 'a/index.wasm'], false);
    expect(await find('/a/b/c', site)).toEqual({ found: 'a/index.wasm', asked: [] });
    expect(await find('/x/y', siteWith(['hello.wasm'], false))).toEqual({
      found: undefined,
      asked: [],
    });
  });

  test('is waited for in a folder that has just come into use', async () => {
    const newest = siteWith(['index.wasm', 'a/index.wasm'], false);
    const result = await find('/a/b/c', siteWith([], true), { newest });
    expect(result).toEqual({ found: 'a/index.wasm', asked: ['a/b/index.wasm', 'a/index.wasm'] });
  });

  test('is the kept one while the folder is away', async () => {
    const failure = new TerrafirmaError('folder-unreachable');
    const result = await find('/a/b', siteWith(['index.wasm'], true), { failure });
    expect(result).toEqual({ found: 'index.wasm', asked: ['a/index.wasm'] });
  });

  test('is not passed over while it is still being looked at', async () => {
    const failure = new TerrafirmaError('no-verdict');
    const asking = find('/a/b', siteWith(['index.wasm'], true), { failure });
    await expect(asking).rejects.toMatchObject({ code: 'no-verdict' });
  });
});
