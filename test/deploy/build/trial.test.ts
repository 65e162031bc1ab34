import { afterEach, describe, expect, test } from 'vitest';
import { quickCpuMsMax, Trial, type TrialSubject } from '../../../src/deploy/build/trial.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { guestBytes } from '../../support/folder.ts';
import { deepStack, killerOfOptimiser, manyIfs, manyLocals } from '../costly-modules.ts';
import { emptySection } from '../wasm-bytes.ts';

const mebibyte = 1024 * 1024;
const trials: Trial[] = [];

function makeTrial(options?: ConstructorParameters<typeof Trial>[0]): Trial {
  const trial = new Trial(options);
  trials.push(trial);
  return trial;
}

const guestCode = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(guestBytes(name));

function subjectOf(code: Uint8Array<ArrayBuffer>, extra: Partial<TrialSubject> = {}): TrialSubject {
  const owner = '/shared/alice' as OwnerKey;
  return { forms: [code], source: { bytes: code, importedFunctionCount: 0 }, owner, ...extra };
}

const hello = () => subjectOf(guestCode('hello'));
const refusal = (pattern: RegExp) => ({
  code: 'module-refused',
  message: expect.stringMatching(pattern),
});

afterEach(async () => {
  await Promise.all(trials.splice(0).map((trial) => trial.close()));
});

describe('Trial', () => {
  test('lets modules pass that compile, one after another', async () => {
    const trial = makeTrial();
    const both = subjectOf(guestCode('hello'), { forms: [guestCode('hello'), guestCode('echo')] });
    const all = [trial.admit(both), trial.admit(hello())];
    expect(await Promise.all(all)).toEqual([{ kind: 'open' }, { kind: 'open' }]);
    expect(await Promise.all([trial.optimise(both), trial.optimise(hello())])).toEqual([
      { kind: 'bounded' },
      { kind: 'bounded' },
    ]);
  });

  test('tries nothing that was tried for somebody else while it waited', async () => {
    const trial = makeTrial({ trialsAtOnceMax: 1 });
    const tried = new Set<string>();
    const admit = async (name: string) => {
      const subject = subjectOf(guestCode('hello'), { owner: `/shared/${name}` as OwnerKey });
      const verdict = await trial.admit(subject, async () => tried.size > 0);
      if (verdict.kind !== 'known') tried.add(name);
      return verdict.kind;
    };
    const kinds = await Promise.all(['alice', 'bob', 'carol', 'dave'].map(admit));
    // Bob's turn comes before anybody has written down what Alice's trial said.
    expect(kinds).toEqual(['open', 'open', 'known', 'known']);
  });

  test('refuses a module that does not compile, in a form or the other', async () => {
    const trial = makeTrial();
    const bad = guestCode('hello').slice(0, 40);
    const rejection = refusal(/ended the process/);
    const source = { bytes: guestCode('hello'), importedFunctionCount: 0 };
    const subject = { ...subjectOf(bad), source };
    await expect(trial.admit(subject)).rejects.toMatchObject(rejection);
    const half = subjectOf(guestCode('hello'), { forms: [guestCode('hello'), bad] });
    await expect(trial.admit(half)).rejects.toMatchObject(rejection);
    await trial.admit(hello());
  });

  test('ends what takes too much time of the baseline compiler; names the function', async () => {
    const trial = makeTrial({ bounds: { baseline: { functionCpuMsMax: 60 } } });
    await expect(trial.admit(subjectOf(deepStack(10_000, 40_000)))).rejects.toMatchObject(
      refusal(/over 60 ms of processor time: function 1 \("costly"\)/),
    );
  });

  test('passes what takes longer in all than one function may', async () => {
    const trial = makeTrial({ bounds: { baseline: { functionCpuMsMax: 150 } } });
    const many = subjectOf(manyIfs(10_000, 0, 100));
    expect(await trial.admit(many)).toEqual({ kind: 'open' });
    const strict = makeTrial({ bounds: { baseline: { functionCpuMsMax: 150, cpuMsMax: -1e6 } } });
    await expect(strict.admit(many)).rejects.toMatchObject(refusal(/for all together/));
  });

  test('gives large programs the time of ordinary functions, before it is told of each', () => {
    const bounds = { cpuMsMax: 10_000, functionCpuMsMax: 1_000 };
    const ofMebibytes = (count: number) => ({ forms: [new Uint8Array(count * mebibyte)] });
    expect(quickCpuMsMax(ofMebibytes(0), bounds)).toBe(1_000);
    expect(quickCpuMsMax(ofMebibytes(14), bounds)).toBe(2_400);
    expect(quickCpuMsMax(ofMebibytes(64), bounds)).toBe(3_000);
    expect(quickCpuMsMax(ofMebibytes(14), { ...bounds, cpuMsMax: 2_000 })).toBe(2_000);
  });

  test('ends what takes too much memory of the baseline compiler, and lives on', async () => {
    const times = { functionCpuMsMax: 60_000, cpuMsMax: 60_000 };
    const bounds = { baseline: { functionBytesMax: 100 * mebibyte, ...times } };
    const trial = makeTrial({ bounds });
    const bomb = subjectOf(manyLocals(40_000, 20_000));
    await expect(trial.admit(bomb)).rejects.toMatchObject(
      refusal(/of memory: function 1|ended the process.*: function 1/),
    );
    await trial.admit(hello());
  });

  test('keeps what ends the process from the optimiser, and says which function', async () => {
    const verdict = await makeTrial().optimise(subjectOf(killerOfOptimiser(0)));
    expect(verdict).toMatchObject({
      kind: 'unbounded',
      reason: expect.stringMatching(/ended the process with SIG.*: function 1 \("costly"\)/),
    });
  });

  test('does not wait for an optimiser that takes long, and has its verdict later', async () => {
    const trial = makeTrial({
      patienceCpuMsMax: 60,
      bounds: { optimiser: { functionCpuMsMax: 90 } },
    });
    const slow = subjectOf(manyIfs(4_000));
    expect(await trial.optimise(slow, { isPatient: false })).toEqual({ kind: 'open' });
    expect(await trial.optimise(slow)).toMatchObject({
      kind: 'unbounded',
      reason: expect.stringMatching(/over 90 ms of processor time: function 1 \("costly"\)/),
    });
    expect(await trial.optimise(hello())).toEqual({ kind: 'bounded' });
  });

  test('does not begin what is far too much for its patience', async () => {
    // Whatever is begun has too little memory, and a verdict.
    const bounds = { optimiser: { residentBytesMax: -1e12, functionCpuMsMax: 60_000 } };
    const trial = makeTrial({ patienceCpuMsMax: 400, bounds });
    const brief = { isPatient: false };
    expect(await trial.optimise(hello(), brief)).toMatchObject({ kind: 'unbounded' });
    const code = Buffer.concat([guestCode('hello'), emptySection(1024 * 1024)]);
    expect(await trial.optimise(subjectOf(code), brief)).toEqual({ kind: 'open' });
  });

  test('bounds the time of all functions together', async () => {
    const trial = makeTrial({ bounds: { optimiser: { cpuMsMax: 1 } } });
    expect(await trial.optimise(subjectOf(manyIfs(3_000)))).toMatchObject({
      kind: 'unbounded',
      reason: expect.stringMatching(/for all together/),
    });
  });

  test('has no verdict where the machine gives it no time', async () => {
    const bounds = { wallMsMax: 1, cpuMsMax: 0.001 };
    await expect(makeTrial({ bounds: { baseline: bounds } }).admit(hello())).rejects.toMatchObject({
      code: 'overloaded',
    });
  });

  test('lets no owner have all places, and bounds how many wait', async () => {
    const trial = makeTrial({ trialsAtOnceMax: 2, queuedTrialsMax: 4 });
    const order: string[] = [];
    const aliceIsDone = Promise.withResolvers<void>();
    const admit = async (owner: string, until?: Promise<void>): Promise<void> => {
      const wait = async () => {
        await until;
        return false;
      };
      await trial.admit({ ...hello(), owner: owner as OwnerKey }, wait);
      order.push(owner);
    };
    const slow = () => admit('/a/m', aliceIsDone.promise);
    const all = [slow(), slow(), slow(), admit('/a/alice').then(aliceIsDone.resolve)];
    await expect(trial.admit(hello())).rejects.toMatchObject({ code: 'overloaded' });
    await Promise.all(all);
    expect(order).toEqual(['/a/alice', '/a/m', '/a/m', '/a/m']);
  });

  test('is over when it is closed', async () => {
    const trial = makeTrial();
    const running = trial.admit(subjectOf(manyLocals(20_000, 5_000)));
    const ended = expect(running).rejects.toMatchObject({ code: 'draining' });
    await trial.close();
    await ended;
    await expect(trial.admit(hello())).rejects.toMatchObject({ code: 'draining' });
  });
});
