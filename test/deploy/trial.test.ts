import { afterEach, describe, expect, it } from 'vitest';
import { Trial } from '../../src/deploy/trial.ts';
import { guestBytes } from '../support/folder.ts';

const trials: Trial[] = [];

function makeTrial(options?: ConstructorParameters<typeof Trial>[0]): Trial {
  const trial = new Trial(options);
  trials.push(trial);
  return trial;
}

const artifactOf = (code: Uint8Array) => ({
  code: new Uint8Array(code),
  cardsCode: undefined,
});

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...leb(content.length),
  ...content,
];

/** One function of many locals and many blocks, each of which merges all locals. */
function compileBomb(locals: number, blocks: number): Uint8Array {
  const block = [0x41, 0, 0x04, 0x40, 0x05, 0x0b];
  const body = [
    1,
    ...leb(locals),
    0x7f,
    ...Array.from({ length: blocks }, () => block).flat(),
    0x0b,
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

afterEach(async () => {
  await Promise.all(trials.splice(0).map((trial) => trial.close()));
});

describe('Trial', () => {
  it('lets modules pass that compile, one after another', async () => {
    const trial = makeTrial();
    const both = { code: guestCode('hello'), cardsCode: guestCode('echo') };
    await Promise.all([trial.compile(both), trial.compile(artifactOf(guestBytes('v1')))]);
  });

  it('refuses a module that does not compile, in a form or the other', async () => {
    const trial = makeTrial();
    const bad = guestCode('hello').slice(0, 40);
    const refusal = { code: 'module-refused', message: expect.stringMatching(/ended the process/) };
    await expect(trial.compile(artifactOf(bad))).rejects.toMatchObject(refusal);
    const half = { code: guestCode('hello'), cardsCode: bad };
    await expect(trial.compile(half)).rejects.toMatchObject(refusal);
    await trial.compile(artifactOf(guestBytes('hello')));
  });

  it('ends a compilation that takes too long', async () => {
    const trial = makeTrial({ trialMsMax: 1 });
    await expect(trial.compile(artifactOf(guestBytes('hello')))).rejects.toMatchObject({
      code: 'module-refused',
      message: expect.stringMatching(/took over 1 ms/),
    });
  });

  it('ends a compilation that takes too much memory, and lives on', async () => {
    const trial = makeTrial({ residentBytesMax: 200 * 1024 * 1024 });
    await expect(trial.compile(artifactOf(compileBomb(40_000, 20_000)))).rejects.toMatchObject({
      code: 'module-refused',
      message: expect.stringMatching(/bytes of memory|ended the process/),
    });
    await trial.compile(artifactOf(guestBytes('hello')));
  });

  it('is over when it is closed', async () => {
    const trial = makeTrial();
    const running = trial.compile(artifactOf(compileBomb(20_000, 5_000)));
    const ended = expect(running).rejects.toMatchObject({ code: 'draining' });
    await trial.close();
    await ended;
    await expect(trial.compile(artifactOf(guestBytes('hello')))).rejects.toMatchObject({
      code: 'draining',
    });
  });
});

function guestCode(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(guestBytes(name));
}
