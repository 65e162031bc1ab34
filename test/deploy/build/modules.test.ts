import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { Builder } from '../../../src/deploy/build/builder.ts';
import { compiledBytesPerCodeByte } from '../../../src/deploy/build/modules.ts';
import { ModuleStore } from '../../../src/deploy/keep/store.ts';
import type { FolderKey } from '../../../src/names.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { guestBytes } from '../../support/folder.ts';
import { testOwner } from '../../support/guarded-fs.ts';
import { LogBook, openModules, pathOf, Scratch } from '../world.ts';

describe('Modules', () => {
  let scratch: Scratch;
  let store: ModuleStore;
  let builder: Builder;

  beforeEach(async () => {
    scratch = new Scratch();
    store = await ModuleStore.open(scratch.path('state'), {
      journal: new LogBook(),
      limits: defaultLimits,
    });
    builder = new Builder({ limits: defaultLimits });
  });
  afterEach(async () => {
    await builder.close();
    scratch[Symbol.dispose]();
  });

  /** Keeps one of our guests in the store; resolves to its digest. */
  const keep = async (guest: string, folder = `/${guest}`): Promise<Digest> => {
    const bytes = guestBytes(guest);
    const digest = digestBytes(bytes);
    const version = { digest, abi: 'terrarium', acceptedAtMs: 1, bytes: bytes.length };
    const folderKey = folder as FolderKey;
    const modules = new Map([
      [pathOf('a.wasm'), { versions: [version] as const, seen: { digest, stamp: '' } }],
    ]);
    await store.commit({ folderKey, directory: '/', modules }, { digest, bytes });
    return digest;
  };

  test('load() compiles once for equal questions, and again only after eviction', async () => {
    const modules = await openModules(scratch, { store, builder });
    const digest = await keep('hello');
    const [first, second] = await Promise.all([modules.load(digest), modules.load(digest)]);
    expect(second).toBe(first);
    expect(await modules.load(digest)).toBe(first);
    expect(modules.compiledBytes).toBe(first.codeBytes * compiledBytesPerCodeByte);
  });

  test('compiledBytesMax: the least recently used is forgotten and compiled anew', async () => {
    const [hello, v1] = [await keep('hello'), await keep('v1')];
    const roomy = await openModules(scratch, { store, builder });
    const sizes = [await roomy.load(hello), await roomy.load(v1)].map(
      ({ codeBytes }) => codeBytes * compiledBytesPerCodeByte,
    );
    const compiledBytesMax = sizes.reduce((sum, size) => sum + size) - 1;
    const modules = await openModules(scratch, { store, builder, compiledBytesMax });
    const first = await modules.load(hello);
    await modules.load(v1);
    expect(modules.compiledBytes).toBe(sizes[1]);
    const again = await modules.load(hello);
    expect(again).not.toBe(first);
    expect(again).toMatchObject({ digest: hello, abi: first.abi, entry: first.entry });
  });

  test('compiledBytesMax: who has many modules pushes out his own', async () => {
    const hello = await keep('hello', '/shared/alice');
    const others = [await keep('v1', '/shared/mallory/1'), await keep('v2', '/shared/mallory/2')];
    const roomy = await openModules(scratch, { store, builder });
    await Promise.all([hello, ...others].map((digest) => roomy.load(digest)));
    const compiledBytesMax = roomy.compiledBytes - 1;
    const modules = await openModules(scratch, { store, builder, compiledBytesMax });
    const first = await modules.load(hello);
    for (const digest of others) await modules.load(digest);
    expect(await modules.load(hello)).toBe(first);
  });

  test('compiledBytesMax: a module larger than that is held alone', async () => {
    const [hello, v1] = [await keep('hello'), await keep('v1')];
    const modules = await openModules(scratch, { store, builder, compiledBytesMax: 1 });
    const first = await modules.load(hello);
    expect(await modules.load(hello)).toBe(first);
    await modules.load(v1);
    expect(modules.compiledBytes).toBe(1);
    expect(await modules.load(hello)).not.toBe(first);
  });

  test('load() rejects with state for what is not kept; the next one is asked anew', async () => {
    const modules = await openModules(scratch, { store, builder });
    const digest = digestBytes(guestBytes('v2'));
    await expect(modules.load(digest)).rejects.toMatchObject({ code: 'state' });
    await keep('v2');
    expect((await modules.load(digest)).digest).toBe(digest);
  });

  test('admit() compiles a new artifact once', async () => {
    const modules = await openModules(scratch, { store, builder });
    const verdict = await builder.build(async () => Uint8Array.from(guestBytes('echo')));
    if (verdict.kind !== 'built') throw new Error('must be built');
    const { artifact, bytes: original } = verdict;
    const candidate = { artifact, original, owner: testOwner };
    const first = await modules.admit(candidate);
    expect(await modules.admit(candidate)).toBe(first);
    expect(await modules.load(verdict.artifact.digest)).toBe(first);
  });
});
