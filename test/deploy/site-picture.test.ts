import { describe, expect, it } from 'vitest';
import type { ManifestState } from '../../src/deploy/manifest-file.ts';
import { SitePicture } from '../../src/deploy/site-picture.ts';
import { TerrafirmaError } from '../../src/errors.ts';
import type { Digest } from '../../src/messages.ts';
import type { ModulePath } from '../../src/names.ts';
import { mayReadAnonymously, parseManifest } from '../../src/site/manifest.ts';
import type { Site, SiteModule } from '../../src/site/table.ts';
import { locate, pathOf } from './world.ts';

const serving = (letter: string): SiteModule => ({
  kind: 'serving',
  digest: letter.repeat(64) as Digest,
  abi: 'terrarium',
});
const modules = (letter: string) =>
  new Map<ModulePath, SiteModule>([[pathOf('a.wasm'), serving(letter)]]);
const good: ManifestState = {
  kind: 'good',
  manifest: parseManifest(undefined, 1),
  text: undefined,
};
const broken: ManifestState = {
  kind: 'broken',
  error: new TerrafirmaError('bad-manifest', 'Cannot serve the folder: half'),
  text: '{',
};

function makePicture(): { picture: SitePicture; told: Site[] } {
  const told: Site[] = [];
  let generation = 0;
  const picture = new SitePicture(locate('/d'), {
    nextGeneration: () => ++generation,
    onPublish: (site) => told.push(site),
  });
  return { picture, told };
}

describe('SitePicture', () => {
  it('tells a new picture only when something differs, each with a higher generation', () => {
    const { picture, told } = makePicture();
    picture.publish(good, modules('a'));
    picture.publish(good, modules('a'));
    picture.publish(good, modules('b'));
    expect(told.map(({ generation }) => generation)).toEqual([1, 2]);
    expect(picture.site).toBe(told[1]);
  });

  it('has none before the manifest is known', () => {
    const { picture, told } = makePicture();
    picture.publish({ kind: 'unknown' }, modules('a'));
    expect(picture.site).toBeUndefined();
    expect(told).toEqual([]);
  });

  it('lets nobody read anything under a broken manifest', () => {
    const { picture } = makePicture();
    picture.publish(good, modules('a'));
    picture.publish(broken, modules('a'));
    const { site } = picture;
    expect(site && mayReadAnonymously(site.manifest, [])).toBe(false);
    expect(site && mayReadAnonymously(site.manifest, ['index.html'])).toBe(false);
    expect(site?.failure).toEqual({
      code: 'bad-manifest',
      detail: 'Cannot serve the folder: half',
    });
    picture.publish(good, modules('a'));
    expect(picture.site?.failure).toBeUndefined();
  });
});
