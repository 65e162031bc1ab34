import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { KeptModules } from '../../../src/deploy/keep/kept-modules.ts';
import { openStoreOf, writePin } from '../../../src/deploy/keep/pins.ts';
import { ModuleStore } from '../../../src/deploy/keep/store.ts';
import type { SharedStore } from '../../../src/outside/store/contract.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import { noSettings } from '../../../src/site/settings.ts';
import { waitFor } from '../../support/daemon.ts';
import { LogBook, locate, pathOf, Scratch, testConfig } from '../world.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const located = locate('/d');

describe('KeptModules', () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch();
  });
  afterEach(async () => {
    for (const shared of opened.splice(0)) await shared.close();
    scratch[Symbol.dispose]();
  });
  const opened: SharedStore[] = [];
  const openShared = (): SharedStore => {
    const shared = openStoreOf(scratch.path('state'));
    opened.push(shared);
    return shared;
  };

  const open = async ({ storeBytesMax = 1_000, limits = {}, shared = openShared() } = {}) => {
    const journal = new LogBook();
    const store = await ModuleStore.open(scratch.path('state'), {
      journal,
      limits: { ...defaultLimits, storeBytesMax },
    });
    const config = testConfig(scratch.path('state'), limits);
    const kept = new KeptModules(located, { config, store, journal, shared });
    const record = await kept.restore();
    return { kept, store, journal, record };
  };
  const accept = async (kept: KeptModules, path: string, text: string) => {
    const bytes = bytesOf(text);
    const digest = digestBytes(bytes);
    const version = { digest, abi: 'terrarium', acceptedAtMs: 1, bytes: bytes.length };
    await kept.accept(pathOf(path), { version, seen: { digest, stamp: text } }, bytes);
    return digest;
  };

  test('has after a restart what it had, live and gone', async () => {
    const { kept } = await open();
    const one = await accept(kept, 'a.wasm', 'one');
    const two = await accept(kept, 'a.wasm', 'two');
    await accept(kept, 'b.wasm', 'three');
    await kept.see(pathOf('a.wasm'), { digest: two, stamp: 'touched' });
    await kept.remove(pathOf('b.wasm'), 7);
    const manifest = parseManifest(undefined, 1);
    await kept.keepRules({
      manifest: { kind: 'good', manifest, text: '{}' },
      settings: { kind: 'unknown' },
      fastlyText: 'name = "a"',
    });
    await kept.keepRules({
      manifest: { kind: 'unknown' },
      settings: { kind: 'good', value: noSettings, text: '[env]' },
      fastlyText: 'name = "a"',
    });
    const reopened = await open();
    expect(reopened.record).toMatchObject({ manifest: '{}', settings: '[env]' });
    const again = reopened.kept;
    expect(again.serving(pathOf('a.wasm'))?.digest).toBe(two);
    expect(again.digestsOf(pathOf('a.wasm'))).toEqual([two, one]);
    expect(again.live(pathOf('a.wasm'))?.seen.stamp).toBe('touched');
    expect(again.live(pathOf('b.wasm'))).toBeUndefined();
    expect(again.record(pathOf('b.wasm'))?.goneAtMs).toBe(7);
    expect(again.hasLive).toBe(true);
  });

  test('lets no version answer before it would survive a crash', async () => {
    const { kept } = await open();
    const first = accept(kept, 'a.wasm', 'one');
    expect(kept.serving(pathOf('a.wasm'))).toBeUndefined();
    const one = await first;
    const second = accept(kept, 'a.wasm', 'two');
    expect(kept.serving(pathOf('a.wasm'))?.digest).toBe(one);
    const two = await second;
    expect(kept.serving(pathOf('a.wasm'))?.digest).toBe(two);
    expect((await open()).kept.serving(pathOf('a.wasm'))?.digest).toBe(two);
  });

  test('drops what was deleted when there is no room for what is there', async () => {
    const { kept, store } = await open({ storeBytesMax: 7 });
    const one = await accept(kept, 'a.wasm', 'one');
    await kept.remove(pathOf('a.wasm'), 1);
    const four = await accept(kept, 'b.wasm', 'fours');
    expect([store.has(one), store.has(four)]).toEqual([false, true]);
    expect(kept.record(pathOf('a.wasm'))).toBeUndefined();
  });

  test('forgets what has been gone for goneKeptDays', async () => {
    const { kept, store } = await open({ limits: { goneKeptDays: 2 } });
    const one = await accept(kept, 'a.wasm', 'one');
    await accept(kept, 'b.wasm', 'two');
    await accept(kept, 'c.wasm', 'three');
    await kept.remove(pathOf('a.wasm'), 0);
    await kept.remove(pathOf('b.wasm'), 2 * 86_400_000);
    expect(store.has(one)).toBe(true);
    await kept.remove(pathOf('c.wasm'), 2 * 86_400_000 + 1);
    expect(store.has(one)).toBe(false);
    expect(kept.record(pathOf('b.wasm'))).toBeDefined();
  });

  test('is as before when the store is full, and says so to the caller', async () => {
    const { kept } = await open({ storeBytesMax: 5 });
    const one = await accept(kept, 'a.wasm', 'one');
    await expect(accept(kept, 'a.wasm', 'four')).rejects.toMatchObject({ code: 'state' });
    await expect(accept(kept, 'b.wasm', 'four')).rejects.toMatchObject({ code: 'state' });
    expect(kept.serving(pathOf('a.wasm'))?.digest).toBe(one);
    expect(kept.record(pathOf('b.wasm'))).toBeUndefined();
    const again = (await open()).kept;
    expect(again.serving(pathOf('a.wasm'))?.digest).toBe(one);
  });

  test('modulesPerFolderMax: keeps no more deleted modules than that, latest ones', async () => {
    const { kept, store } = await open({ limits: { modulesPerFolderMax: 2 } });
    for (const [time, name] of ['a', 'b', 'c'].entries()) {
      await accept(kept, `${name}.wasm`, name);
      await kept.remove(pathOf(`${name}.wasm`), time);
    }
    expect(kept.record(pathOf('a.wasm'))).toBeUndefined();
    expect(kept.record(pathOf('b.wasm'))).toBeDefined();
    expect(kept.record(pathOf('c.wasm'))).toBeDefined();
    expect(store.usedBytes).toBe(2);
  });

  test('reads rollbacks at a glance only where the store tells of new ones', async () => {
    const shared = openShared();
    let reads = 0;
    const list = shared.list.bind(shared);
    shared.list = (...args) => {
      reads += 1;
      return list(...args);
    };
    const { kept } = await open({ shared });
    const one = await accept(kept, 'a.wasm', 'one');
    const two = await accept(kept, 'a.wasm', 'two');
    const glance = async (): Promise<boolean> => {
      const before = reads;
      const areNew = await kept.takeNewPins();
      return areNew || reads !== before;
    };
    await waitFor(async () => ((await glance()) ? undefined : true));
    expect([await glance(), await glance()]).toEqual([false, false]);
    const pin = { modulePath: pathOf('a.wasm'), digest: one, seenDigest: two };
    // By the daemon itself, then by another process.
    for (const store of [shared, openShared()]) {
      await writePin(store, located.key, pin);
      await waitFor(async () => ((await kept.takeNewPins()) ? true : undefined));
      expect(kept.serving(pathOf('a.wasm'))?.digest).toBe(one);
      await waitFor(async () => ((await glance()) ? undefined : true));
    }
    kept.close();
    await writePin(shared, located.key, pin);
    expect(await glance()).toBe(false);
  });

  test('does not serve a version whose bytes are lost', async () => {
    const { kept } = await open();
    const one = await accept(kept, 'a.wasm', 'one');
    const two = await accept(kept, 'a.wasm', 'two');
    rmSync(scratch.path('state', 'modules', two.slice(0, 2), `${two}.wasm`));
    const again = (await open()).kept;
    expect(again.serving(pathOf('a.wasm'))?.digest).toBe(one);
  });
});
