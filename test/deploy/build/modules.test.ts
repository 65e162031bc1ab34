import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { Builder } from '../../../src/deploy/build/builder.ts';
import {
  compiledBytesPerCodeByte,
  formCodeBytes,
  type ModulesOptions,
} from '../../../src/deploy/build/modules.ts';
import { ModuleStore } from '../../../src/deploy/keep/store.ts';
import type { FolderKey } from '../../../src/names.ts';
import type { Digest, LoadedModule } from '../../../src/threads/messages.ts';
import { guestBytes } from '../../support/folder.ts';
import { testOwner } from '../../support/guarded-fs.ts';
import { emptySection } from '../wasm-bytes.ts';
import { LogBook, openModules, pathOf, Scratch, until } from '../world.ts';

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
  const keep = async (guest: string, folder = `/${guest}`): Promise<Digest> =>
    await keepBytes(guestBytes(guest), folder);

  const keepBytes = async (bytes: Uint8Array, folder: string): Promise<Digest> => {
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

  test('a module counts what V8 keeps for each of its forms, however small they are', async () => {
    const modules = await openModules(scratch, { store, builder });
    const loaded = await modules.load(await keep('hello'));
    const forms = loaded.program.cores.flatMap(({ cardsModule }) => [
      0,
      ...(cardsModule ? [0] : []),
    ]);
    expect(loaded.codeBytes).toBeGreaterThan(forms.length * formCodeBytes);
    expect(loaded.codeBytes).toBeLessThan((forms.length + 1) * formCodeBytes);
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

  test('load() takes what was made and tried before, and needs no module for it', async () => {
    const forms = () => ({
      directory: scratch.path('forms'),
      bytesMax: 1e9,
      kept: store.digests(),
    });
    const digest = await keep('hello');
    const keeping = new Builder({ limits: defaultLimits, forms });
    const made = await (await openModules(scratch, { store, builder: keeping })).load(digest);
    const bare = {
      ownerOf: store.ownerOf.bind(store),
      sizeOf: store.sizeOf.bind(store),
      readModule: () => Promise.reject(new Error('the module was read')),
    };
    const again = await (await openModules(scratch, { store: bare, builder: keeping })).load(
      digest,
    );
    expect(again).toMatchObject({ digest, abi: made.abi, codeBytes: made.codeBytes });
    await keeping.close();
  });

  test('load() rejects with state for what is not kept; the next one is asked anew', async () => {
    const modules = await openModules(scratch, { store, builder });
    const digest = digestBytes(guestBytes('v2'));
    await expect(modules.load(digest)).rejects.toMatchObject({ code: 'state' });
    await keep('v2');
    expect((await modules.load(digest)).digest).toBe(digest);
  });

  test('waitMs: load() says how far the module is, and goes on', async () => {
    const digest = await keep('hello');
    const gate = Promise.withResolvers<void>();
    const slow = {
      ownerOf: store.ownerOf.bind(store),
      sizeOf: store.sizeOf.bind(store),
      readModule: async (each: Digest) => {
        await gate.promise;
        return await store.readModule(each);
      },
    };
    const modules = await openModules(scratch, { store: slow, builder, waitMs: 1 });
    await expect(modules.load(digest)).rejects.toMatchObject({
      code: 'no-verdict',
      message: expect.stringMatching(
        /is being (read|checked and rewritten): step [12] of 4, after \d+ s$/,
      ),
    });
    gate.resolve();
    await until(() => modules.compiledBytes > 0);
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

  test('load() serves what the baseline compiler made; the optimiser comes behind', async () => {
    const replaced: Digest[] = [];
    const onReplaced = (each: Digest) => replaced.push(each);
    const journal = new LogBook();
    const modules = await openModules(scratch, { store, builder, journal, onReplaced });
    const digest = await keep('hello');
    const first = await modules.load(digest);
    expect(formsOf(first)).toEqual([2]);
    await until(() => journal.matching(/module-optimised/).length === 1);
    expect(replaced).toEqual([digest]);
    expect(await modules.load(digest)).not.toBe(first);
  });

  test('load() serves a large module in one form first, then in all', async () => {
    const replaced: Digest[] = [];
    const onReplaced = (each: Digest) => replaced.push(each);
    const journal = new LogBook();
    const options = { store, builder, journal, onReplaced, compiledBytesMax: 100_000_000 };
    const modules = await openModules(scratch, options);
    const large = Buffer.concat([guestBytes('hello'), emptySection(1024 * 1024)]);
    const digest = await keepBytes(large, '/large');
    expect(formsOf(await modules.load(digest))).toEqual([1]);
    await until(() => journal.matching(/module-optimised/).length === 1);
    expect(replaced).toEqual([digest, digest]);
    expect(formsOf(await modules.load(digest))).toEqual([2]);
    // After a restart: nothing is tried again, and all forms come behind as well.
    let tried = 0;
    const trial = countingTrial(() => {
      tried += 1;
    });
    const again = await openModules(scratch, { ...options, trial });
    expect(formsOf(await again.load(digest))).toEqual([1]);
    await until(async () => formsOf(await again.load(digest))[0] === 2);
    expect(tried).toBe(0);
  });

  test('equal code is tried once: modules that differ in a custom section alone', async () => {
    const tried: string[] = [];
    const trial = countingTrial((what) => tried.push(what));
    const modules = await openModules(scratch, { store, builder, trial });
    const digests: Digest[] = [];
    for (const bytes of [1, 2, 3]) {
      const distinct = Buffer.concat([guestBytes('hello'), emptySection(bytes)]);
      digests.push(await keepBytes(distinct, `/${bytes}`));
    }
    for (const digest of digests) await modules.load(digest);
    expect(tried.filter((what) => what === 'admit')).toHaveLength(1);
    const trialOf = (digest: Digest) =>
      readFileSync(scratch.path('state', 'trials', `${digest}.json`), 'utf8');
    await until(() => digests.every((digest) => trialOf(digest).includes('"optimised"')));
    expect(tried).toEqual(['admit', 'optimise']);
  });
});

/** For each core how many forms are compiled. */
function formsOf({ program }: LoadedModule): readonly number[] {
  return program.cores.map(({ cardsModule }) => (cardsModule === undefined ? 1 : 2));
}

/** Tells of each trial; that of a process is not what is tested here. */
function countingTrial(onTrial: (what: string) => void): ModulesOptions['trial'] {
  return {
    admit: async () => {
      onTrial('admit');
      return { kind: 'open' };
    },
    optimise: async () => {
      onTrial('optimise');
      return { kind: 'bounded' };
    },
  };
}
