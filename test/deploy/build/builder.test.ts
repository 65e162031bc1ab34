import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { type Artifact, digestBytes } from '../../../src/deploy/build/artifact.ts';
import { Builder } from '../../../src/deploy/build/builder.ts';
import type { Digest, OwnerKey } from '../../../src/names.ts';
import { guestBytes, padded } from '../../support/folder.ts';
import { moduleOfFunctions } from '../wasm-bytes.ts';
import { Scratch } from '../world.ts';

const limits = defaultLimits;
const guest = (name: string) => async () => Uint8Array.from(guestBytes(name));

describe('Builder', () => {
  test('builds in turn and hands the original bytes back', async () => {
    const builder = new Builder({ limits });
    try {
      const verdicts = await Promise.all(
        ['hello', 'v1', 'no-run'].map((name) => builder.build(guest(name))),
      );
      expect(verdicts.map(({ kind }) => kind)).toEqual(['built', 'built', 'refused']);
      expect(verdicts[0]).toMatchObject({ bytes: Uint8Array.from(guestBytes('hello')) });
      expect(verdicts[2]).toMatchObject({ digest: digestBytes(guestBytes('no-run')) });
    } finally {
      await builder.close();
    }
  });

  test('tells what modules have in common that differ in what nobody reads', async () => {
    const builder = new Builder({ limits });
    try {
      const hello = guestBytes('hello');
      const keys: (string | undefined)[] = [];
      for (const bytes of [hello, padded(hello, 1), padded(hello, 2), guestBytes('v1')]) {
        const verdict = await builder.build(async () => Uint8Array.from(bytes));
        if (verdict.kind === 'built') keys.push(verdict.artifact.twinKey);
      }
      const [key, ...others] = keys;
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      expect(others.map((other) => other === key)).toEqual([true, true, false]);
    } finally {
      await builder.close();
    }
  });

  test('prepare() has the thread ready, once; close() ends it, ready or not', async () => {
    const builder = new Builder({ limits });
    builder.prepare();
    builder.prepare();
    expect((await builder.build(guest('hello'))).kind).toBe('built');
    await builder.close();
    builder.prepare();
    const early = new Builder({ limits });
    early.prepare();
    await early.close();
    await expect(early.build(guest('hello'))).rejects.toMatchObject({ code: 'draining' });
  });

  describe('that keeps what it makes', () => {
    const owner = '/shared/alice' as OwnerKey;
    const open = (directory: string, onTrouble?: (digest: Digest, reason: string) => void) => {
      const forms = () => ({ directory, bytesMax: 1e9, kept: [digestBytes(guestBytes('hello'))] });
      return new Builder({ limits, forms, ...(onTrouble === undefined ? {} : { onTrouble }) });
    };
    const buildOnce = async (builder: Builder): Promise<Artifact> => {
      const verdict = await builder.build(guest('hello'), { owner, forms: 'first' });
      await builder.close();
      if (verdict.kind !== 'built') throw new Error(verdict.kind);
      return verdict.artifact;
    };

    test('has it when it is started again, and makes it anew where it is damaged', async () => {
      using scratch = new Scratch();
      const directory = scratch.path('forms');
      const made = await buildOnce(open(directory));
      const files = readdirSync(directory, { recursive: true, withFileTypes: true });
      const [file, ...others] = files.filter((each) => each.isFile());
      expect(others).toEqual([]);
      const path = join(file?.parentPath ?? '', file?.name ?? '');
      const bytes = readFileSync(path);
      expect(await buildOnce(open(directory))).toEqual(made);
      // It was read, not written again: what is damaged is.
      writeFileSync(path, bytes.subarray(0, 100));
      expect(await buildOnce(open(directory))).toEqual(made);
      expect(readFileSync(path)).toEqual(bytes);
    });

    test('recalls what was made without the module, if it is kept', async () => {
      using scratch = new Scratch();
      const directory = scratch.path('forms');
      const hello = guestBytes('hello');
      const recall = async (builder: Builder): Promise<Artifact | undefined> => {
        const wanted = { owner, forms: 'first' } as const;
        const recalled = await builder.recall(digestBytes(hello), hello.length, wanted);
        await builder.close();
        return recalled;
      };
      expect(await recall(open(directory))).toBeUndefined();
      const made = await buildOnce(open(directory));
      expect(await recall(open(directory))).toEqual(made);
      expect(await recall(new Builder({ limits }))).toBeUndefined();
    });

    test('builds all the same where it can keep nothing, and says so', async () => {
      using scratch = new Scratch();
      writeFileSync(scratch.path('file'), '');
      const told: string[] = [];
      const builder = open(scratch.path('file', 'forms'), (_, reason) => told.push(reason));
      expect((await buildOnce(builder)).abi).toBe('terrarium');
      expect(told).toEqual([expect.stringMatching(/ENOTDIR/)]);
    });

    test('keeps again as soon as it can, and says no more that it cannot', async () => {
      using scratch = new Scratch();
      writeFileSync(scratch.path('place'), '');
      const told: string[] = [];
      const builder = open(scratch.path('place', 'forms'), (_, reason) => told.push(reason));
      const build = (name: string) => builder.build(guest(name), { owner, forms: 'first' });
      await build('hello');
      expect(told).toHaveLength(1);
      rmSync(scratch.path('place'));
      await build('v1');
      await builder.close();
      expect(told).toHaveLength(1);
    });
  });

  test('only recognises known content', async () => {
    const builder = new Builder({ limits });
    try {
      const digest = digestBytes(guestBytes('v1'));
      expect(await builder.build(guest('v1'), { known: new Set([digest]) })).toEqual(
        expect.objectContaining({ kind: 'known', digest }),
      );
    } finally {
      await builder.close();
    }
  });

  test('buildMsMax: refuses a module that takes too long, and builds the next one', async () => {
    const builder = new Builder({ limits, buildMsMax: 2_000 });
    try {
      await builder.build(guest('hello'));
      const slow = new Builder({ limits, buildMsMax: 1 });
      const verdict = await slow.build(async () => moduleOfFunctions(100_000));
      expect(verdict).toMatchObject({
        kind: 'refused',
        error: { code: 'module-refused', detail: expect.stringMatching(/took too long/) },
      });
      await slow.close();
      expect((await builder.build(guest('v2'))).kind).toBe('built');
    } finally {
      await builder.close();
    }
  });

  test('queuedBuildsMax: rejects with overloaded, without reading', async () => {
    const builder = new Builder({ limits, queuedBuildsMax: 2 });
    try {
      const waiting = [builder.build(guest('hello')), builder.build(guest('v1'))];
      const neverRead = async () => {
        throw new Error('was read');
      };
      await expect(builder.build(neverRead)).rejects.toMatchObject({ code: 'overloaded' });
      await Promise.all(waiting);
      expect((await builder.build(guest('v2'))).kind).toBe('built');
    } finally {
      await builder.close();
    }
  });

  test('hands through what reading throws, and builds the next one', async () => {
    const builder = new Builder({ limits });
    try {
      const failing = builder.build(async () => {
        throw new RangeError('no bytes');
      });
      await expect(failing).rejects.toThrow('no bytes');
      expect((await builder.build(guest('v2'))).kind).toBe('built');
    } finally {
      await builder.close();
    }
  });

  test('close() ends what is being built, and later calls', async () => {
    const builder = new Builder({ limits });
    await builder.build(guest('hello'));
    const running = expect(
      builder.build(async () => moduleOfFunctions(100_000)),
    ).rejects.toMatchObject({ code: 'draining' });
    await builder.close();
    await running;
    await expect(builder.build(guest('v1'))).rejects.toMatchObject({ code: 'draining' });
  });
});
