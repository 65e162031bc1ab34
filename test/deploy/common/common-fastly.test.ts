import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { Bases } from '../../../src/deploy/common/bases.ts';
import { CommonFastly, type ShownFastly } from '../../../src/deploy/common/common-fastly.ts';
import { CommonVersions } from '../../../src/deploy/common/common-versions.ts';
import type { FolderKey } from '../../../src/names.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { StableSeal } from '../../../src/outside/store/stable-seal.ts';
import { TestFolder } from '../../support/folder.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const absent: ShownFastly = { bundle: undefined, mtimeMs: 0 };

interface Node {
  readonly fastly: CommonFastly;
  readonly versions: CommonVersions;
  readonly held: string[];
  readonly troubles: string[];
}

describe('the fastly.toml of a folder that several nodes have copies of', () => {
  const keys = [randomBytes(32), randomBytes(32)] as const;
  let state: TestFolder;
  let store: DirectStore;
  let nodes: Node[];

  beforeEach(() => {
    state = new TestFolder();
    nodes = [];
    store = DirectStore.open({
      ...{ databasePath: storePath(state.directory), synchronous: 'normal' },
      ...{ limits: defaultLimits, blobs: openBlobs(state.directory), nowMs: Date.now },
    });
  });

  afterEach(async () => {
    for (const { versions } of nodes) versions.close();
    await store.close();
    state[Symbol.dispose]();
  });

  async function node(name: string, sealKeys: readonly Buffer[] = [keys[0]]): Promise<Node> {
    const bases = await Bases.open(state.path(name), folderKey);
    const versions = new CommonVersions({
      ...{ shared: store, folderKey, node: name, versionsKeptMax: 5, bases },
      ...{ isClockTrusted: () => true, nowMs: () => 10_000, onChange: () => undefined },
      onTrouble: (error) => {
        throw error;
      },
    });
    await versions.open();
    const held: string[] = [];
    const troubles: string[] = [];
    const fastly = new CommonFastly({
      ...{ versions, folderKey, seal: new StableSeal(sealKeys) },
      onHeld: () => held.push(name),
      onTrouble: (reason) => troubles.push(reason),
    });
    const made = { fastly, versions, held, troubles };
    nodes.push(made);
    return made;
  }

  /** What a copy shows: each call makes it anew, as a copy of its own does. */
  function shown(text: string, mtimeMs: number): ShownFastly {
    const files = new Map([
      ['b.txt', Buffer.from(`${text} b`)],
      ['a.txt', Buffer.from('sesame')],
    ]);
    return { bundle: { text, files: new Map(files) }, mtimeMs };
  }

  const others = (text: string): unknown => ({
    kind: 'others',
    bundle: { text, files: new Map(Object.entries(filesOf(text))) },
  });

  function filesOf(text: string): Record<string, Buffer> {
    return { 'a.txt': Buffer.from('sesame'), 'b.txt': Buffer.from(`${text} b`) };
  }

  test('what one copy has holds on all, whatever late or half copies show', async () => {
    const [a, b] = [await node('a'), await node('b')];
    expect(await a.fastly.judge(absent, true)).toEqual({ kind: 'own' });
    expect(await a.fastly.judge(shown('v1', 1_000), true)).toEqual({ kind: 'own' });
    await expect.poll(() => b.fastly.judge(absent, true)).toEqual(others('v1'));
    // The same bytes are the same, also in another order.
    expect(await b.fastly.judge(shown('v1', 1_000), true)).toEqual({ kind: 'own' });
    expect(await a.fastly.judge(shown('v2', 5_000), true)).toEqual({ kind: 'own' });
    await expect.poll(() => b.fastly.judge(shown('v1', 1_000), true)).toEqual(others('v2'));
    // Half of it has arrived: a file that it names is missing.
    expect(await b.fastly.judge(undefined, true)).toEqual(others('v2'));
    expect(await b.fastly.judge(shown('between', 3_000), true)).toEqual(others('v2'));
    expect(b.held).toEqual(['b']);
    expect(await b.fastly.judge(shown('v2', 5_000), true)).toEqual({ kind: 'own' });
    // This copy had the newest: it is its owner's word, also where it is wrong now, or gone.
    expect(await b.fastly.judge(undefined, true)).toEqual({ kind: 'own' });
    expect(await b.fastly.judge(absent, false)).toEqual({ kind: 'unknown' });
    expect(await b.fastly.judge(absent, true)).toEqual({ kind: 'own' });
    const gone = { kind: 'others', bundle: undefined };
    await expect.poll(() => a.fastly.head()).toEqual(gone);
  });

  test('nobody reads it in the store who has no key', async () => {
    const a = await node('a');
    await a.fastly.judge(shown('data = "hunter2"', 1_000), true);
    let count = 0;
    for await (const { digest } of store.blobs.list()) {
      const text = Buffer.from((await store.blobs.get(digest)) ?? '').toString('latin1');
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain(Buffer.from('sesame').toString('base64'));
      count += 1;
    }
    expect(count).toBe(1);
    const stranger = await node('stranger', [keys[1]]);
    expect(await stranger.fastly.judge(absent, true)).toEqual({ kind: 'unknown' });
    expect(stranger.troubles).toEqual([expect.stringContaining('what another key sealed')]);
  });

  test('another key takes over, once for all', async () => {
    const [a, b] = [await node('a'), await node('b')];
    await a.fastly.judge(shown('v1', 1_000), true);
    await expect.poll(() => b.fastly.judge(shown('v1', 1_000), true)).toEqual({ kind: 'own' });
    const both = [keys[1], keys[0]];
    const newA = await node('a', both);
    expect(await newA.fastly.judge(shown('v1', 1_000), true)).toEqual({ kind: 'own' });
    const newB = await node('b', both);
    const before = newB.versions.headOf('\0fastly' as never)?.seq;
    expect(await newB.fastly.judge(shown('v1', 1_000), true)).toEqual({ kind: 'own' });
    expect(newB.versions.headOf('\0fastly' as never)?.seq).toBe(before);
    // The old key opens no more of it.
    const only = await node('late', [keys[1]]);
    expect(await only.fastly.judge(absent, true)).toEqual(others('v1'));
  });
});
