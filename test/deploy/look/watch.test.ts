import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolderEvents, WatchPlaces } from '../../../src/deploy/look/watch.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { Scratch, until } from '../world.ts';

const [alice, mallory] = ['/s/alice', '/s/mallory'] as [OwnerKey, OwnerKey];

describe('FolderEvents', () => {
  let scratch: Scratch;
  let directory: string;
  let events: FolderEvents;
  let hints: number;
  let nowMs: number;
  let errors: unknown[];

  beforeEach(() => {
    scratch = new Scratch();
    directory = scratch.directory;
    hints = 0;
    nowMs = 0;
    errors = [];
    events = new FolderEvents({
      places: new WatchPlaces(10),
      owner: mallory,
      onHint: () => {
        hints += 1;
      },
      onReady: () => {
        hints += 1;
      },
      onError: (error) => errors.push(error),
      nowMs: () => nowMs,
    });
  });
  afterEach(() => {
    events.close();
    scratch[Symbol.dispose]();
    expect(errors).toEqual([]);
  });

  const hintAfter = async (name: string) => {
    const before = hints;
    let content = 0;
    await until(() => {
      content += 1;
      writeFileSync(join(directory, name), String(content));
      return hints > before;
    });
  };

  test('hints at files that are served and at .kbp_config, not at what never is', async () => {
    mkdirSync(join(directory, '.git'));
    mkdirSync(join(directory, 'dir'));
    events.follow([directory, join(directory, 'dir')]);
    await hintAfter('hello.wasm');
    await hintAfter('dir/deep.wasm');
    await hintAfter('.kbp_config');
    // Whatever was still on its way has arrived when a later event has.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = hints;
    writeFileSync(join(directory, '.git', 'index.wasm'), 'x');
    writeFileSync(join(directory, '.hello.wasm.aB3dEf'), 'x');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(hints).toBe(before);
  });

  test('follows the directories of the last listing, also one that is gone', async () => {
    const [first, second] = [join(directory, 'first'), join(directory, 'second')];
    mkdirSync(first);
    events.follow([directory, first, join(directory, 'gone')]);
    expect(events.watchCount).toBe(3);
    rmSync(first, { recursive: true });
    mkdirSync(second);
    events.follow([directory, second]);
    expect(events.watchCount).toBe(2);
    await hintAfter('second/a.wasm');
  });

  test('hears all only when each directory is watched, and has begun to hear', async () => {
    const sub = join(directory, 'sub');
    mkdirSync(sub);
    expect(events.hearsAll).toBe(false);
    events.follow([directory, sub]);
    expect(events.hearsAll).toBe(false);
    await until(() => events.hearsAll);
    // Another directory in its place is not watched before it is followed anew.
    renameSync(sub, join(scratch.directory, 'away'));
    mkdirSync(sub);
    await until(() => !events.hearsAll);
    events.follow([directory, sub]);
    await until(() => events.hearsAll);
    await hintAfter('sub/a.wasm');
    events.follow(Array.from({ length: 11 }, (_, index) => join(directory, String(index))));
    expect(events.hearsAll).toBe(false);
  });

  test('watches none of too many directories', () => {
    const many = Array.from({ length: 201 }, (_, index) => join(directory, String(index)));
    events.follow([directory]);
    events.follow(many);
    expect(events.watchCount).toBe(0);
  });

  test('takes no more watches than there are for all folders, and gives them back', () => {
    const places = new WatchPlaces(1);
    const other = new FolderEvents({
      places,
      owner: mallory,
      onHint: () => undefined,
      onReady: () => undefined,
      onError: (error) => errors.push(error),
      nowMs: () => nowMs,
    });
    other.follow([directory, join(directory, 'second')]);
    expect([other.watchCount, places.tryTake(mallory)]).toEqual([1, false]);
    other.close();
    expect([other.watchCount, places.tryTake(mallory)]).toEqual([0, true]);
  });

  test('turns deaf to a flood for a while, and hears again after it', async () => {
    events.follow([directory]);
    await hintAfter('a.wasm');
    const before = hints;
    let [from, to] = [join(directory, 'a.wasm'), join(directory, 'b.wasm')];
    await until(() => {
      for (let count = 0; count < 5_000; count += 1) {
        renameSync(from, to);
        [from, to] = [to, from];
      }
      return events.watchCount === 0;
    });
    expect(hints - before).toBeLessThanOrEqual(201);
    events.follow([directory]);
    expect(events.watchCount).toBe(0);
    nowMs += 5_000;
    events.follow([directory]);
    expect(events.watchCount).toBe(1);
    await hintAfter('c.wasm');
  });

  test('says nothing after it is closed', async () => {
    events.follow([directory]);
    await hintAfter('a.wasm');
    events.close();
    const before = hints;
    writeFileSync(join(directory, 'a.wasm'), 'x');
    events.follow([directory]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([hints, events.watchCount]).toEqual([before, 0]);
  });
});

test('WatchPlaces leaves an owner no more than are left for the others', () => {
  const places = new WatchPlaces(9);
  const taken = Array.from({ length: 9 }, () => places.tryTake(mallory)).filter(Boolean).length;
  expect(taken).toBe(5);
  expect(places.tryTake(alice)).toBe(true);
  places.giveBack(mallory);
  expect(places.tryTake(mallory)).toBe(true);
});
