import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { Bases } from '../../../src/deploy/common/bases.ts';
import { CommonRules } from '../../../src/deploy/common/common-rules.ts';
import { CommonVersions } from '../../../src/deploy/common/common-versions.ts';
import type { FolderKey } from '../../../src/names.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { TestFolder } from '../../support/folder.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const closed = '{"version":"v1","per_path_configs":{"/":{}}}';
const opened = '{"version":"v1"}';
const absent = { text: undefined, mtimeMs: 0 };

interface Node {
  readonly rules: CommonRules;
  readonly versions: CommonVersions;
  readonly held: string[];
  readonly troubles: string[];
}

describe('rules of a folder that several nodes have copies of', () => {
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

  async function node(name: string): Promise<Node> {
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
    const rules = new CommonRules({
      versions,
      onHeld: (rule) => held.push(rule),
      onTrouble: ({ message }) => troubles.push(message),
    });
    const made = { rules, versions, held, troubles };
    nodes.push(made);
    return made;
  }

  const shown = (text: string, mtimeMs: number) => ({ text, mtimeMs });

  test('a folder that has none stays as each copy shows it', async () => {
    const { rules } = await node('a');
    expect(await rules.judge('manifest', absent, true)).toEqual({ kind: 'own' });
  });

  test('what closes one copy closes the late ones, until that copy opens again', async () => {
    const [a, b] = [await node('a'), await node('b')];
    expect(await a.rules.judge('manifest', shown(closed, 5_000), false)).toEqual({ kind: 'own' });
    const followed = { kind: 'others', text: closed };
    await expect.poll(() => b.rules.judge('manifest', absent, false)).toEqual(followed);
    expect(await b.rules.judge('manifest', absent, true)).toEqual(followed);
    // Older than what holds: an open version that was on its way for long.
    expect(await b.rules.judge('manifest', shown(opened, 3_000), true)).toEqual(followed);
    expect(b.held).toEqual(['manifest']);
    // The other rule has nothing to do with it.
    expect(await b.rules.judge('settings', absent, true)).toEqual({ kind: 'own' });
    expect(await a.rules.judge('manifest', absent, true)).toEqual({ kind: 'own' });
    await expect
      .poll(() => b.rules.judge('manifest', shown(closed, 5_000), true))
      .toEqual({ kind: 'others', text: undefined });
  });

  test('a file that is not there is no deletion while the folder may be another', async () => {
    const a = await node('a');
    await a.rules.judge('manifest', shown(closed, 5_000), true);
    expect(await a.rules.judge('manifest', absent, false)).toEqual({ kind: 'unknown' });
    expect(a.versions.textOf('\0manifest' as never)).toBe(closed);
    expect(await a.rules.judge('manifest', absent, true)).toEqual({ kind: 'own' });
    expect(a.versions.paths()).toEqual([]);
  });

  test('what another process took away is forgotten', async () => {
    const a = await node('a');
    await a.rules.judge('manifest', shown(closed, 5_000), true);
    const key = Buffer.from('\0manifest');
    const beside = DirectStore.open({
      ...{ databasePath: storePath(state.directory), synchronous: 'normal' },
      ...{ limits: defaultLimits, blobs: openBlobs(state.directory), nowMs: Date.now },
    });
    const space = { area: 'deploy', name: folderKey } as const;
    await beside.commit(space, [{ key, op: 'delete' }], { deadlineMs: 20_000 });
    await beside.close();
    await expect.poll(() => a.versions.textOf('\0manifest' as never)).toBeUndefined();
  });

  test('what is new here holds here, also while it cannot be told to the others', async () => {
    const a = await node('a');
    await a.rules.judge('manifest', shown(opened, 5_000), true);
    await store.close();
    expect(await a.rules.judge('manifest', shown(closed, 6_000), true)).toEqual({ kind: 'own' });
    expect(a.troubles).toHaveLength(1);
  });
});
