import { describe, expect, test } from 'vitest';
import { acceptVersion, noteSeen, servingVersion } from '../../../src/deploy/keep/history.ts';
import type { ModuleRecord } from '../../../src/deploy/keep/record.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { pathOf } from '../world.ts';

const digest = (letter: string) => letter.repeat(64) as Digest;
const version = (letter: string, bytes = 10) => ({
  digest: digest(letter),
  abi: 'terrarium',
  acceptedAtMs: 1,
  bytes,
});
const seen = (letter: string) => ({ digest: digest(letter), stamp: letter });
const pinOf = (letter: string, seenLetter: string) => ({
  id: `pin-${letter}`,
  modulePath: pathOf('a.wasm'),
  digest: digest(letter),
  seenDigest: digest(seenLetter),
});
const limits = { versionsKeptMax: 3, keptBytesMax: 1_000 };
const accept = (
  module: ModuleRecord | undefined,
  letter: string,
  { pin = undefined as ReturnType<typeof pinOf> | undefined, bytes = 10, kept = limits } = {},
) =>
  acceptVersion(
    module,
    { version: version(letter, bytes), seen: seen(letter) },
    { pin, limits: kept },
  );
const letters = ({ versions }: ModuleRecord) => versions.map((each) => each.digest[0]).join('');
const deploy = (text: string) =>
  [...text].reduce<ModuleRecord | undefined>((module, letter) => accept(module, letter), undefined);

describe('acceptVersion()', () => {
  test('keeps the newest first, as many as versionsKeptMax', () => {
    const module = deploy('abcd');
    expect(module && letters(module)).toBe('dcb');
  });

  test('brings a kept version to the front instead of keeping it twice', () => {
    const module = deploy('abca');
    expect(module && letters(module)).toBe('acb');
  });

  test('keptBytesMax: drops the older ones that do not fit, never the newest', () => {
    const kept = { versionsKeptMax: 5, keptBytesMax: 25 };
    const small = accept(accept(undefined, 'a', { kept }), 'b', { kept });
    expect(letters(accept(small, 'c', { kept }))).toBe('cb');
    expect(letters(accept(small, 'c', { kept, bytes: 100 }))).toBe('c');
  });

  test('takes a deleted module up again', () => {
    const gone = { ...accept(undefined, 'a'), goneAtMs: 5 };
    expect(accept(gone, 'a').goneAtMs).toBeUndefined();
  });
});

describe('servingVersion()', () => {
  test('is the newest without a rollback', () => {
    const module = accept(accept(undefined, 'a'), 'b');
    expect(servingVersion(module, undefined).digest).toBe(digest('b'));
  });

  test('is the pinned one until the file is something else that is good', () => {
    const module = accept(accept(undefined, 'a'), 'b');
    const pin = pinOf('a', 'b');
    expect(servingVersion(module, pin).digest).toBe(digest('a'));
    const refused = noteSeen(module, { ...seen('x'), refusal: 'broken' }, pin);
    expect(servingVersion(refused, pin).digest).toBe(digest('a'));
    const back = noteSeen(refused, seen('b'), pin);
    expect(back.spentPin).toBeUndefined();
    expect(servingVersion(back, pin).digest).toBe(digest('a'));
    const other = accept(back, 'c', { pin });
    expect(other.spentPin).toBe('pin-a');
    expect(servingVersion(other, pin).digest).toBe(digest('c'));
    const broken = noteSeen(other, { ...seen('x'), refusal: 'broken' }, pin);
    expect(servingVersion(broken, pin).digest).toBe(digest('c'));
  });

  test('is the newest when the file had changed before the rollback was made', () => {
    const module = accept(accept(undefined, 'a'), 'b');
    expect(servingVersion(module, pinOf('a', 'x')).digest).toBe(digest('b'));
  });

  test('is the newest when the pinned one is not kept any more', () => {
    const module = accept(accept(undefined, 'a'), 'b');
    expect(servingVersion(module, pinOf('z', 'b')).digest).toBe(digest('b'));
  });
});
