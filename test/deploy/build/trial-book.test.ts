import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { readUnoptimised, TrialBook } from '../../../src/deploy/build/trial-book.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { LogBook, Scratch } from '../world.ts';

describe('TrialBook', () => {
  let scratch: Scratch;
  let journal: LogBook;
  const code = Uint8Array.of(1, 2, 3);
  const artifact = { digest: digestBytes(code), cores: [{ code, cardsCode: undefined }] };
  const fileOf = (digest: Digest) => scratch.path('state', 'trials', `${digest}.json`);
  const open = (isKept = (_: Digest) => true) =>
    TrialBook.open(scratch.path('state'), { journal, isKept });

  beforeEach(() => {
    scratch = new Scratch();
    journal = new LogBook();
  });
  afterEach(() => scratch[Symbol.dispose]());

  test('knows a trial of this very code again, and no other', async () => {
    const book = await open();
    await book.write(artifact, { tier: 'baseline', reason: 'it is slow' });
    const again = await open();
    expect(await again.read(artifact)).toMatchObject({ tier: 'baseline', reason: 'it is slow' });
    expect(
      await again.read({
        ...artifact,
        cores: [{ code: Uint8Array.of(1, 2, 4), cardsCode: undefined }],
      }),
    ).toBeUndefined();
    expect(await again.read({ ...artifact, cores: [{ code, cardsCode: code }] })).toBeUndefined();
    const reasons = await readUnoptimised(scratch.path('state'), journal);
    expect([...reasons]).toEqual([[artifact.digest, 'it is slow']]);
  });

  test('forgets what is not kept any more, and takes a damaged trial for none', async () => {
    const book = await open();
    await book.write(artifact, { tier: 'optimised' });
    writeFileSync(fileOf(artifact.digest), readFileSync(fileOf(artifact.digest)).subarray(0, 20));
    expect(await book.read(artifact)).toBeUndefined();
    expect(journal.matching(/trial-damaged/)).toHaveLength(1);
    await open(() => false);
    expect(existsSync(fileOf(artifact.digest))).toBe(false);
  });

  test('forgets the oldest beyond its limit, and counts one that is repeated once', async () => {
    const options = { journal, isKept: () => true, trialsKeptMax: 2 };
    const book = await TrialBook.open(scratch.path('state'), options);
    const modules = [1, 2, 3].map((byte) => {
      const bytes = Uint8Array.of(byte);
      return { digest: digestBytes(bytes), cores: [{ code: bytes, cardsCode: undefined }] };
    });
    const [first, second, third] = modules;
    if (first === undefined || second === undefined || third === undefined) throw new Error('3');
    for (const each of [first, second, first, first, first]) {
      await book.write(each, { tier: 'optimised' });
    }
    expect(modules.map(({ digest }) => existsSync(fileOf(digest)))).toEqual([true, true, false]);
    await book.write(third, { tier: 'optimised' });
    expect(modules.map(({ digest }) => existsSync(fileOf(digest)))).toEqual([true, false, true]);
  });
});
