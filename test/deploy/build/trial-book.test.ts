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
  const artifact = { digest: digestBytes(code), formHashes: ['plain', 'cards'] };
  const namesake = { digest: digestBytes(Uint8Array.of(9)), formHashes: ['cards', 'plain'] };
  const fileOf = (digest: Digest) => scratch.path('state', 'trials', `${digest}.json`);
  const open = (isKept = (_: Digest) => true) =>
    TrialBook.open(scratch.path('state'), { journal, isKept });

  beforeEach(() => {
    scratch = new Scratch();
    journal = new LogBook();
  });
  afterEach(() => scratch[Symbol.dispose]());

  test('knows a trial of this very code again, also of a part of it, and no other', async () => {
    const book = await open();
    await book.write(artifact, { tier: 'baseline', reason: 'it is slow' });
    const again = await open();
    const tried = { tier: 'baseline', reason: 'it is slow' };
    expect(await again.read(artifact)).toMatchObject(tried);
    expect(await again.read({ ...artifact, formHashes: ['plain'] })).toMatchObject(tried);
    expect(await again.read({ ...artifact, formHashes: ['plain', 'new'] })).toBeUndefined();
    const reasons = await readUnoptimised(scratch.path('state'), journal);
    expect([...reasons]).toEqual([[artifact.digest, 'it is slow']]);
  });

  test('knows equal code of another module, and keeps that under its own name', async () => {
    const book = await open();
    expect(await book.read(namesake)).toBeUndefined();
    await book.write(artifact, { tier: 'optimised' });
    expect(await book.read(namesake)).toMatchObject({ tier: 'optimised' });
    expect(await (await open()).read(namesake)).toMatchObject({ tier: 'optimised' });
  });

  test('takes the strictest of what is known of all forms', async () => {
    const book = await open();
    const formsOf = (...formHashes: readonly string[]) => ({ ...namesake, formHashes });
    await book.write({ ...artifact, formHashes: ['fast'] }, { tier: 'optimised' });
    await book.write({ ...artifact, formHashes: ['open'] }, { tier: 'baseline', isOpen: true });
    await book.write({ ...artifact, formHashes: ['slow'] }, { tier: 'baseline', reason: 'slow' });
    expect(await book.read(formsOf('open', 'fast'))).toMatchObject({ isOpen: true });
    expect(await book.read(formsOf('slow', 'open'))).toMatchObject({ reason: 'slow' });
    expect(await book.read(formsOf('fast'))).toMatchObject({ tier: 'optimised' });
    expect(await book.read(formsOf('slow', 'never'))).toBeUndefined();
  });

  test('learns in the end what was open', async () => {
    const book = await open();
    await book.write(artifact, { tier: 'baseline', isOpen: true });
    await book.write(artifact, { tier: 'optimised' });
    expect(await book.read(namesake)).toMatchObject({ tier: 'optimised' });
    expect(await (await open()).read(artifact)).toMatchObject({ tier: 'optimised' });
  });

  test('forgets what is not kept any more, and takes a damaged trial for none', async () => {
    const book = await open();
    await book.write(artifact, { tier: 'optimised' });
    writeFileSync(fileOf(artifact.digest), readFileSync(fileOf(artifact.digest)).subarray(0, 20));
    expect(await (await open()).read(artifact)).toBeUndefined();
    expect(journal.matching(/trial-damaged/)).toHaveLength(1);
    await open(() => false);
    expect(existsSync(fileOf(artifact.digest))).toBe(false);
  });

  test('forgets the oldest beyond its limit, and counts one that is repeated once', async () => {
    const options = { journal, isKept: () => true, trialsKeptMax: 2 };
    const book = await TrialBook.open(scratch.path('state'), options);
    const modules = [1, 2, 3].map((byte) => {
      const bytes = Uint8Array.of(byte);
      return { digest: digestBytes(bytes), formHashes: [`form ${byte}`] };
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
