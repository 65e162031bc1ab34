import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { FolderPlace } from '../../../src/deploy/folder/place.ts';
import { guardedFs } from '../../support/guarded-fs.ts';
import { LogBook, locate, Scratch } from '../world.ts';

test.each([true, false])(
  'what was located just now (%s) is not located again',
  async (isLocatedNow) => {
    using scratch = new Scratch();
    for (const name of ['one', 'two']) mkdirSync(scratch.path(name));
    let asked = 0;
    const place = new FolderPlace(locate(scratch.path('one')), {
      fs: guardedFs(defaultLimits),
      journal: new LogBook(),
      nowMs: Date.now,
      relocate: async () => {
        asked += 1;
        return locate(scratch.path('two'));
      },
      isLocatedNow,
    });
    expect(await place.find()).toBe(!isLocatedNow);
    expect(asked).toBe(isLocatedNow ? 0 : 1);
    await place.find();
    expect(place.located.directory).toBe(scratch.path('two'));
  },
);
