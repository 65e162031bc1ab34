import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { defaultLimits as limits } from '../../../src/config/config.ts';
import { type Artifact, buildArtifact } from '../../../src/deploy/build/artifact.ts';
import { KeptForms } from '../../../src/deploy/keep/kept-forms.ts';
import type { Digest, OwnerKey } from '../../../src/names.ts';
import { guestBytes } from '../../support/folder.ts';
import { Scratch } from '../world.ts';

const catalogue = createCatalogue(limits);
const build = (name: string): Artifact =>
  buildArtifact(Uint8Array.from(guestBytes(name)), {
    limits,
    judge: (face) => catalogue.judgeModule(face),
    judgeComponent: (plan) => catalogue.judgeComponent(plan),
  });
const alice = '/shared/alice' as OwnerKey;
const bob = '/shared/bob' as OwnerKey;
const key = 'key-whole';

describe('KeptForms', () => {
  let scratch: Scratch;

  beforeEach(() => {
    scratch = new Scratch();
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  const open = (bytesMax = 1e9, isKept = (_: Digest): boolean => true): KeptForms =>
    KeptForms.open({ directory: scratch.path('forms'), bytesMax, isKept });
  const filesThere = (): string[] =>
    readdirSync(scratch.path('forms')).flatMap((owner) =>
      readdirSync(scratch.path('forms', owner)).map((name) => scratch.path('forms', owner, name)),
    );

  test.each(['hello', 'echo', join('components', 'composed')])(
    'gives back what was made of %s, in another process too',
    (name) => {
      const artifact = build(name);
      const wanted = { digest: artifact.digest, key };
      const forms = open();
      expect(forms.read(wanted)).toBeUndefined();
      forms.write(artifact, alice, wanted);
      for (const each of [forms, open()]) {
        const kept = each.read(wanted);
        expect(kept).toEqual(artifact);
        // Of the facts, what threads share lies in memory that they share.
        const [{ engine } = failEmpty()] = kept?.cores ?? [];
        expect(engine.metered.offsets.runs.buffer).toBeInstanceOf(SharedArrayBuffer);
      }
    },
  );

  test('knows nothing of another key, and nothing of what was damaged anywhere', () => {
    const artifact = build('hello');
    const wanted = { digest: artifact.digest, key };
    const forms = open();
    forms.write(artifact, alice, wanted);
    expect(forms.read({ ...wanted, key: 'other-whole' })).toBeUndefined();
    const [file = failEmpty()] = filesThere();
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 60)) {
      const damaged = Uint8Array.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(file, damaged);
      expect(open().read(wanted)).toBeUndefined();
      writeFileSync(file, whole);
    }
    writeFileSync(file, whole.subarray(0, -1));
    expect(open().read(wanted)).toBeUndefined();
    expect(filesThere()).toEqual([]);
  });

  test('gives back nothing of another module that stands in its place', () => {
    const [hello, echo] = [build('hello'), build('echo')];
    const forms = open();
    forms.write(hello, alice, { digest: echo.digest, key });
    expect(forms.read({ digest: echo.digest, key })).toBeUndefined();
  });

  test('deletes at the start what is not kept any more, and what was not finished', () => {
    const [hello, echo] = [build('hello'), build('echo')];
    const forms = open();
    for (const each of [hello, echo]) forms.write(each, alice, { digest: each.digest, key });
    const [file = failEmpty()] = filesThere();
    writeFileSync(`${file}.unfinished`, 'half');
    const next = open(1e9, (digest) => digest === echo.digest);
    expect(next.read({ digest: hello.digest, key })).toBeUndefined();
    expect(next.read({ digest: echo.digest, key })).toEqual(echo);
    expect(filesThere()).toHaveLength(1);
  });

  test('keeps on beside what somebody else has put there', () => {
    const hello = build('hello');
    const wanted = { digest: hello.digest, key };
    open().write(hello, alice, wanted);
    const [file = failEmpty()] = filesThere();
    writeFileSync(scratch.path('forms', '.DS_Store'), '');
    mkdirSync(join(`${file}-directory`, 'below'), { recursive: true });
    expect(open().read(wanted)).toEqual(hello);
  });

  test('takes a directory in place of a file for damage', () => {
    const hello = build('hello');
    const wanted = { digest: hello.digest, key };
    const forms = open();
    forms.write(hello, alice, wanted);
    const [file = failEmpty()] = filesThere();
    rmSync(file);
    mkdirSync(join(file, 'below'), { recursive: true });
    expect(forms.read(wanted)).toBeUndefined();
    forms.write(hello, alice, wanted);
    expect(open().read(wanted)).toEqual(hello);
  });

  test('leaves no half file where it cannot be written, and the next is whole', () => {
    const hello = build('hello');
    const wanted = { digest: hello.digest, key };
    const forms = open();
    forms.write(hello, alice, wanted);
    const [file = failEmpty()] = filesThere();
    mkdirSync(join(`${file}.unfinished`, 'below'), { recursive: true });
    expect(() => forms.write(hello, alice, wanted)).toThrow();
    expect(filesThere()).toEqual([file]);
    for (const each of [forms, forms, open()]) {
      each.write(hello, alice, wanted);
      expect(each.read(wanted)).toEqual(hello);
    }
  });

  test('bytesMax: who has the most gives up first', () => {
    const names = ['hello', 'v1', 'v2'];
    const [hello = failEmpty(), v1 = failEmpty(), v2 = failEmpty()] = names.map(build);
    const first = open();
    for (const each of [hello, v1]) first.write(each, alice, { digest: each.digest, key });
    const forms = open(first.bytes + 100);
    forms.write(v2, bob, { digest: v2.digest, key });
    expect(forms.read({ digest: v2.digest, key })).toEqual(v2);
    expect(forms.bytes).toBeLessThanOrEqual(first.bytes + 100);
    expect(filesThere()).toHaveLength(2);
  });
});

function failEmpty(): never {
  throw new Error('There must be one');
}
