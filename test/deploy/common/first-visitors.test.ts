/** A node whose copy of a folder is still empty, while the others have accepted modules. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { openStoreOf } from '../../../src/deploy/keep/pins.ts';
import type { SharedStore } from '../../../src/outside/store/contract.ts';
import type { Site } from '../../../src/site/table.ts';
import { guestBytes, TestFolder } from '../../support/folder.ts';
import { locate, pathOf, Scratch, until, World } from '../world.ts';

const guests = new Map(
  [
    ['v1.wasm', 'v1'],
    ['v2.wasm', 'v2'],
    ['hello.wasm', 'hello'],
    ['index.wasm', 'hello'],
  ].map(([path = '', guest = '']) => [pathOf(path), guestBytes(guest)]),
);
const paths = [...guests.keys()];

describe('the first visitors of a new node', () => {
  let scratch: Scratch;
  let shared: SharedStore;

  beforeEach(() => {
    scratch = new Scratch();
    shared = openStoreOf(scratch.path('shared'));
  });
  afterEach(async () => {
    await shared.close();
    scratch[Symbol.dispose]();
  });

  const open = (name: string): Promise<World> =>
    World.open({ stateDirectory: scratch.path(name), node: { name, shared } });

  const serves = (site: Site): boolean[] =>
    paths.map((path) => site.modules.get(path)?.kind === 'serving');

  /** A node with all the modules, which it has accepted. */
  async function openOld(): Promise<World> {
    const folder = new TestFolder(scratch.directory);
    for (const [path, bytes] of guests) folder.write(path, bytes);
    const old = await open('old');
    for (const [path, bytes] of guests) {
      await old.untilServes(locate(folder.directory), path, digestBytes(bytes));
    }
    return old;
  }

  test('wait until what the others have accepted is taken up', async () => {
    await using _ = await openOld();
    await using fresh = await open('fresh');
    const { publisher } = fresh;
    const located = locate(new TestFolder(scratch.directory).directory);
    await publisher.siteOf(located);
    const asked = [...paths, pathOf('never.wasm')];
    const sites = await Promise.all(asked.map((path) => publisher.verdict(located.key, path)));
    const found = asked.map((path, index) => sites[index]?.modules.get(path)?.kind);
    expect(found).toEqual([...paths.map(() => 'serving'), undefined]);
    await until(() => fresh.published.some(({ isIncomplete }) => isIncomplete === undefined));
    // While a site says so, paths that an `index.wasm` may answer for wait.
    const complete = fresh.published.filter(({ isIncomplete }) => isIncomplete === undefined);
    expect(complete.map(serves)).toEqual(complete.map(() => paths.map(() => true)));
    // However many ask, each module is taken up once.
    expect(fresh.journal.matching(/"module-published"/)).toHaveLength(paths.length);
  });

  test('are not told that nothing is there while its bytes cannot be had', async () => {
    await using _ = await openOld();
    const path = pathOf('v1.wasm');
    const bytes = guestBytes('v1');
    const digest = digestBytes(bytes);
    for await (const blob of shared.blobs.list()) {
      if (blob.digest === digest) await shared.blobs.remove(blob);
    }
    await using fresh = await open('fresh');
    const located = locate(new TestFolder(scratch.directory).directory);
    await fresh.publisher.siteOf(located);
    const asking = fresh.publisher.verdict(located.key, path);
    await expect(asking).rejects.toMatchObject({ code: 'no-verdict' });
    await shared.blobs.put(digest, bytes);
    const site = await fresh.publisher.verdict(located.key, path);
    expect(site.modules.get(path)).toMatchObject({ kind: 'serving', digest });
  });
});
