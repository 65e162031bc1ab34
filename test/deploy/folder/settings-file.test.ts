import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { openSettingsFile, type SettingsState } from '../../../src/deploy/folder/settings-file.ts';
import { SitePicture } from '../../../src/deploy/folder/site-picture.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import { guardedFs } from '../../support/guarded-fs.ts';
import { locate, pathOf, Scratch } from '../world.ts';

const timing = { quietMs: 300, pollMs: 1_000, settledAgeMs: 300, hasEvents: false };
const later = Date.now() + 7_200_000;

describe('openSettingsFile()', () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch();
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  const open = () =>
    openSettingsFile({
      fs: guardedFs(defaultLimits),
      directory: scratch.directory,
      limits: { ...defaultLimits, settingsBytesMax: 100 },
    });

  test('reads the file when it has settled', async () => {
    writeFileSync(scratch.path('terrafirma.toml'), '[env]\nA = "1"');
    const file = open();
    expect(await file.look(timing, later)).toBe(0);
    expect(file.state).toMatchObject({
      kind: 'good',
      value: { general: { environment: new Map([['A', '1']]) } },
      text: '[env]\nA = "1"',
    });
  });

  test('is broken by a file that is not valid, or too large', async () => {
    for (const text of ['[env', `#${'x'.repeat(100)}`]) {
      writeFileSync(scratch.path('terrafirma.toml'), text);
      const file = open();
      await file.look(timing, later);
      expect(file.state).toMatchObject({ kind: 'broken', error: { code: 'bad-settings' } });
    }
  });

  test('closes the folder while it is broken', async () => {
    writeFileSync(scratch.path('terrafirma.toml'), 'no');
    const file = open();
    await file.look(timing, later);
    const picture = new SitePicture({
      nextGeneration: () => 1,
      onPublish: () => undefined,
    });
    const manifest = parseManifest(undefined, 1);
    const modules = new Map([
      [pathOf('a.wasm'), { kind: 'refused', error: { code: 'internal', detail: '' } } as const],
    ]);
    const place = locate(scratch.directory);
    const good = { manifest: { kind: 'good', manifest, text: undefined }, modules } as const;
    const publish = (state: SettingsState): void => {
      const inForce = { state, refusalOf: () => undefined };
      picture.publish(place, { ...good, inForce, isJudged: true });
    };
    publish({ kind: 'unknown' });
    expect(picture.site).toBeUndefined();
    publish(file.state);
    expect(picture.site?.failure).toMatchObject({ code: 'bad-settings' });
  });
});
