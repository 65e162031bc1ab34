import { describe, expect, test } from 'vitest';
import type { ManifestState } from '../../../src/deploy/folder/manifest-file.ts';
import { type PictureParts, SitePicture } from '../../../src/deploy/folder/site-picture.ts';
import { TerrafirmaError } from '../../../src/errors.ts';
import type { ModulePath } from '../../../src/names.ts';
import { mayReadAnonymously, parseManifest } from '../../../src/site/manifest.ts';
import { noSettings } from '../../../src/site/settings.ts';
import type { Site, SiteModule } from '../../../src/site/table.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { locate, pathOf } from '../world.ts';

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

const refusalOf = () => undefined;
const PLACE = locate('/d');

const parts = (manifest: ManifestState, digest: string): PictureParts => ({
  manifest,
  modules: modules(digest),
  inForce: { state: { kind: 'good', value: noSettings, text: undefined }, refusalOf },
  isJudged: true,
});

function makePicture(): { picture: SitePicture; told: Site[] } {
  const told: Site[] = [];
  let generation = 0;
  const picture = new SitePicture({
    nextGeneration: () => ++generation,
    onPublish: (site) => told.push(site),
  });
  return { picture, told };
}

describe('SitePicture', () => {
  test('tells a new picture only when something differs, each with a higher generation', () => {
    const { picture, told } = makePicture();
    picture.publish(PLACE, parts(good, 'a'));
    picture.publish(PLACE, parts(good, 'a'));
    picture.publish(PLACE, parts(good, 'b'));
    expect(told.map(({ generation }) => generation)).toEqual([1, 2]);
    expect(picture.site).toBe(told[1]);
  });

  test('says what lies beside an index.wasm, and where it has no page', () => {
    const { picture } = makePicture();
    const topNames = new Set(['style.css']);
    picture.noteFiles({ hasIndexPage: false, topNames });
    picture.publish(PLACE, parts(good, 'a'));
    expect(picture.site).not.toHaveProperty('lacksIndexPage');
    expect(picture.site).not.toHaveProperty('topNames');
    const index = new Map([[pathOf('index.wasm'), serving('a')]]);
    picture.publish(PLACE, { ...parts(good, 'a'), modules: index });
    expect(picture.site?.lacksIndexPage).toBe(true);
    expect(picture.site?.topNames).toEqual(topNames);
    picture.noteFiles({ hasIndexPage: true, topNames: undefined });
    picture.publish(PLACE, { ...parts(good, 'a'), modules: index });
    expect(picture.site).not.toHaveProperty('lacksIndexPage');
    expect(picture.site).not.toHaveProperty('topNames');
  });

  test('says while there may be modules that have never been seen', () => {
    const { picture, told } = makePicture();
    picture.publish(PLACE, { ...parts(good, 'a'), isJudged: false });
    picture.publish(PLACE, { ...parts(good, 'a'), isJudged: false });
    picture.publish(PLACE, parts(good, 'a'));
    picture.publish(PLACE, { ...parts(good, 'b'), isJudged: false });
    expect(told.map(({ isIncomplete }) => isIncomplete)).toEqual([true, undefined, undefined]);
  });

  test('is another one in another place', () => {
    const { picture, told } = makePicture();
    picture.publish(PLACE, parts(good, 'a'));
    picture.publish({ ...PLACE, directory: '/e' }, parts(good, 'a'));
    expect(told.map(({ directory }) => directory)).toEqual(['/d', '/e']);
  });

  test('has none before the manifest is known', () => {
    const { picture, told } = makePicture();
    picture.publish(PLACE, parts({ kind: 'unknown' }, 'a'));
    expect(picture.site).toBeUndefined();
    expect(told).toEqual([]);
  });

  test('lets nobody read anything under a broken manifest', () => {
    const { picture } = makePicture();
    picture.publish(PLACE, parts(good, 'a'));
    picture.publish(PLACE, parts(broken, 'a'));
    const { site } = picture;
    expect(site && mayReadAnonymously(site.manifest, [])).toBe(false);
    expect(site && mayReadAnonymously(site.manifest, ['index.html'])).toBe(false);
    expect(site?.failure).toEqual({
      code: 'bad-manifest',
      detail: 'Cannot serve the folder: half',
    });
    picture.publish(PLACE, parts(good, 'a'));
    expect(picture.site?.failure).toBeUndefined();
  });
});
