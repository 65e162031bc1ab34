import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { TrialBook } from '../../../src/deploy/build/trial-book.ts';
import { Probation } from '../../../src/deploy/keep/probation.ts';
import {
  marksMax,
  readQuarantined,
  release,
  Suspects,
} from '../../../src/deploy/keep/quarantine.ts';
import type { OwnerKey } from '../../../src/names.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { LogBook, Scratch, until } from '../world.ts';

const owner = '/shared/alice' as OwnerKey;
const digestOf = (text: string) => digestBytes(new TextEncoder().encode(text));
const [killer, good, other] = [digestOf('killer'), digestOf('good'), digestOf('other')];

/** One daemon after another on the same state; those that are not closed have been killed. */
describe('Probation', () => {
  let scratch: Scratch;
  let journal: LogBook;

  beforeEach(() => {
    scratch = new Scratch();
    journal = new LogBook();
  });
  afterEach(() => scratch[Symbol.dispose]());

  const begin = async (probationMs = 3_600_000, inUseMax = 100) => {
    const state = scratch.path('state');
    const book = await TrialBook.open(state, { journal, isKept: () => true });
    for (const digest of [killer, good, other]) {
      const artifact = { digest, formHashes: [`form of ${digest}`] };
      if ((await book.read(artifact)) === undefined)
        await book.write(artifact, { tier: 'baseline' });
    }
    const suspects = await Suspects.open(state, journal);
    const options = { suspects, book, journal, probationMs, inUseMax, nowMs: Date.now };
    return { probation: await Probation.open(options), suspects, book };
  };

  /** Nobody is on probation any more, and that is written. */
  const over = (suspects: Suspects) =>
    until(async () => (await suspects.readLeftBehind())?.onProbation.size === 0);

  test('quarantines a module that was new at two ends of the daemon', async () => {
    await (await begin()).probation.begin(killer, owner);
    const second = await begin();
    expect(second.suspects.marksOf(killer)).toBe(1);
    await second.probation.begin(killer, owner);
    const third = await begin();
    await expect(third.probation.begin(killer, owner)).rejects.toMatchObject({
      code: 'module-quarantined',
      message: expect.stringMatching(/terrafirma release/),
    });
    expect(journal.matching(/module quarantined/)).toHaveLength(1);
    expect([...(await readQuarantined(scratch.path('state'), journal))]).toEqual([killer]);
  });

  test('foresees the use of a module that has done well, and of no other', async () => {
    const first = await begin(1);
    await first.probation.begin(good, owner);
    await until(() => first.book.hasSurvived(good));
    await first.probation.close();
    const second = await begin();
    await second.probation.foresee(killer);
    expect(await second.suspects.readLeftBehind()).toBeUndefined();
    await Promise.all([second.probation.foresee(good), second.probation.begin(good, owner)]);
    const left = await second.suspects.readLeftBehind();
    expect([...(left?.inUse ?? [])]).toEqual([good]);
    expect(left?.onProbation.size).toBe(0);
    await second.probation.begin(killer, owner);
    expect((await second.suspects.readLeftBehind())?.onProbation).toEqual(new Set([killer]));
  });

  /** As a serving thread says it. */
  const tried = async ({ probation, suspects }: Awaited<ReturnType<typeof begin>>) => {
    probation.noteReady(good);
    await until(async () => (await suspects.readLeftBehind())?.untried.size === 0);
  };

  test('takes three ends a day for kills, where all that was new had been tried', async () => {
    for (let kill = 0; kill < 3; kill += 1) {
      const daemon = await begin();
      expect(daemon.suspects.marksOf(good)).toBe(0);
      await daemon.probation.begin(good, owner);
      await tried(daemon);
    }
    const fourth = await begin();
    expect(fourth.suspects.marksOf(good)).toBe(0);
    expect(journal.matching(/was killed: no module is to blame/)).toHaveLength(3);
    // A module that ends the process late is found all the same.
    await fourth.probation.begin(good, owner);
    await tried(fourth);
    expect((await begin()).suspects.marksOf(good)).toBe(1);
  });

  test('forgives nothing while one was not tried yet, nor where memory ran out', async () => {
    const first = await begin();
    await first.probation.begin(good, owner);
    await tried(first);
    await first.probation.begin(killer, owner);
    const second = await begin();
    expect(second.suspects.marksOf(killer)).toBe(1);
    await second.suspects.clear(killer);
    await second.suspects.clear(good);
    await second.probation.begin(other, owner);
    const left = await second.suspects.readLeftBehind();
    if (left === undefined) throw new Error('nothing was left behind');
    const oomKills = (left.oomKills ?? 0) - 1;
    await second.suspects.leaveBehind({ ...left, untried: new Set(), oomKills });
    expect((await begin()).suspects.marksOf(other)).toBe(1);
  });

  test('blames nobody for an end that was announced, and forgets nothing by it', async () => {
    await (await begin()).probation.begin(killer, owner);
    const second = await begin();
    await second.probation.begin(killer, owner);
    await second.probation.close();
    expect((await begin()).suspects.marksOf(killer)).toBe(1);
  });

  test('takes back the mark of a module that did well, and does not suspect it again', async () => {
    await (await begin()).probation.begin(good, owner);
    const second = await begin(20);
    await second.probation.begin(good, owner);
    await over(second.suspects);
    expect(await second.book.hasSurvived(good)).toBe(true);
    await second.probation.close();
    const third = await begin();
    await third.probation.begin(good, owner);
    await third.probation.begin(killer, owner);
    const fourth = await begin();
    expect(fourth.suspects.marksOf(good)).toBe(0);
    expect(fourth.suspects.marksOf(killer)).toBe(1);
  });

  test('makes all new again when nobody was, and every probation longer', async () => {
    const first = await begin(20);
    await first.probation.begin(killer, owner);
    await over(first.suspects);
    expect(await first.book.hasSurvived(killer)).toBe(true);
    const second = await begin();
    expect(await second.book.hasSurvived(killer)).toBe(false);
    await second.probation.begin(killer, owner);
    const third = await begin();
    expect(third.suspects.marksOf(killer)).toBe(1);
    expect(await third.suspects.countUnexplained(Date.now())).toBe(1);
  });

  test('lets marked modules in one at a time, so that second mark is the right one', async () => {
    const first = await begin();
    await Promise.all([killer, good].map((digest) => first.probation.begin(digest, owner)));
    const second = await begin();
    await second.probation.begin(killer, owner);
    let isGoodIn = false;
    void second.probation.begin(good, owner).then(() => {
      isGoodIn = true;
    });
    expect(isGoodIn).toBe(false);
    const third = await begin(20);
    await third.probation.begin(other, owner);
    expect([killer, good].map((digest) => third.suspects.marksOf(digest))).toEqual([2, 1]);
    // One after another both do well.
    await Promise.all([good, other].map((digest) => third.probation.begin(digest, owner)));
    await until(() => third.suspects.marksOf(good) === 0 && third.suspects.marksOf(other) === 0);
  });

  test('does not quarantine for one end beside a module without a mark', async () => {
    const fresh = ['one', 'two', 'three'].map(digestOf);
    await (await begin()).probation.begin(good, owner);
    for (const [ends, digest] of fresh.entries()) {
      const { probation, suspects } = await begin();
      expect(suspects.marksOf(good)).toBe(1 + ends / 2);
      if (suspects.refusalOf(good) !== undefined) break;
      await probation.begin(good, owner);
      await probation.begin(digest, owner);
    }
    const { suspects } = await begin();
    expect(suspects.refusalOf(good)?.code).toBe('module-quarantined');
    expect(fresh.map((digest) => suspects.marksOf(digest))).toEqual([1, 1, 0]);
  });

  test('inUseMax: remembers so many modules in use, the newest', async () => {
    const { probation, suspects } = await begin(20, 2);
    for (const digest of [killer, good, other]) await probation.begin(digest, owner);
    expect([...((await suspects.readLeftBehind())?.inUse ?? [])]).toEqual([good, other]);
  });

  test('lets many marked modules in a quarter at a time, until right one is alone', async () => {
    const innocent = Array.from({ length: 11 }, (_, n) => digestOf(`innocent ${n}`));
    const all = [killer, ...innocent];
    const ownerOf = (digest: Digest) => `/shared/${digest}` as OwnerKey;
    const first = await begin();
    await Promise.all(all.map((digest) => first.probation.begin(digest, ownerOf(digest))));
    const second = await begin();
    expect(second.suspects.count).toBe(12);
    for (const digest of all) void second.probation.begin(digest, ownerOf(digest));
    await until(async () => (await second.suspects.readLeftBehind())?.onProbation.size === 3);
    const third = await begin();
    expect(all.filter((digest) => third.suspects.marksOf(digest) === 1)).toEqual(all.slice(0, 3));
    await third.probation.begin(killer, ownerOf(killer));
    const fourth = await begin();
    expect(fourth.suspects.refusalOf(killer)?.code).toBe('module-quarantined');
    expect(innocent.filter((each) => fourth.suspects.refusalOf(each) !== undefined)).toEqual([]);
  });

  test('lets modules run when marks cannot be written, and says so once', async () => {
    const { probation } = await begin();
    mkdirSync(scratch.path('state', 'suspects', 'probation.json'), { recursive: true });
    for (const digest of [killer, good]) await probation.begin(digest, owner);
    expect(journal.matching(/new modules cannot be marked/)).toHaveLength(1);
  });

  test('suspects nobody where probations take no time', async () => {
    await (await begin(0)).probation.begin(killer, owner);
    expect((await begin(0)).suspects.marksOf(killer)).toBe(0);
  });

  test('release() lets a module run again, also under a daemon that runs', async () => {
    for (let end = 0; end < marksMax; end += 1) {
      await (await begin()).probation.begin(killer, owner);
    }
    const { suspects, probation } = await begin();
    expect(suspects.refusalOf(killer)?.code).toBe('module-quarantined');
    const state = scratch.path('state');
    await expect(release([state], '0123456789', journal)).rejects.toMatchObject({ code: 'usage' });
    expect(await release([state], killer.slice(0, 8), journal)).toBe(killer);
    expect(suspects.refusalOf(killer)).toBeUndefined();
    await probation.begin(killer, owner);
  });
});
