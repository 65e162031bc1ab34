import { expect, test } from 'vitest';
import { SignIns } from '../../../src/admin/owners/sign-ins.ts';
import type { FolderKey } from '../../../src/names.ts';

const alice = '/keybase/public/alice' as FolderKey;
const bob = '/keybase/public/bob' as FolderKey;

function open() {
  let nowMs = 0;
  let next = 0;
  const signIns = new SignIns(() => nowMs);
  const begin = (folderKey: FolderKey | undefined, address?: string) => {
    next += 1;
    const from = address ?? `198.51.${Math.floor(next / 200)}.${next % 200}`;
    const { code, lead, setCookie } = signIns.begin(from);
    if (folderKey !== undefined) lead(folderKey);
    return { code, headers: { cookie: setCookie.split(';')[0] ?? '' }, setCookie };
  };
  return {
    signIns,
    begin,
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('the browser that shows the code is signed in, once', () => {
  const { begin, signIns } = open();
  const mine = begin(alice);
  const other = begin(alice);
  expect(mine.code).toMatch(/^[0-9a-hjkmnp-tv-z]{20}$/);
  expect(mine.setCookie).toMatch(/^__Host-tf-code=.*; HttpOnly; SameSite=Strict; Secure$/);
  expect(signIns.take(mine.headers)).toEqual({ kind: 'waiting' });
  expect(signIns.prove(alice, ['notes.txt', mine.code])).toEqual([mine.code]);
  expect(signIns.take(other.headers)).toEqual({ kind: 'waiting' });
  expect(signIns.take(mine.headers)).toMatchObject({ kind: 'proven', folderKey: alice });
  expect(signIns.take(mine.headers)).toEqual({ kind: 'over' });
  expect(signIns.take({})).toEqual({ kind: 'over' });
});

test('a code is worth nothing in another folder, and a used one nothing at all', () => {
  const { begin, signIns } = open();
  const mine = begin(alice);
  expect(signIns.prove(bob, [mine.code])).toEqual([]);
  expect(signIns.take(mine.headers)).toEqual({ kind: 'waiting' });
  expect(signIns.prove(alice, [mine.code])).toEqual([mine.code]);
  expect(signIns.prove(alice, [mine.code])).toEqual([]);
});

test('a code of ten minutes ago is over', () => {
  const { begin, signIns, wait } = open();
  const mine = begin(alice);
  expect([...signIns.folders()]).toEqual([alice]);
  wait(600_000);
  expect(signIns.prove(alice, [mine.code])).toEqual([]);
  expect([...signIns.folders()]).toEqual([]);
  expect(signIns.take(mine.headers)).toEqual({ kind: 'over' });
});

test('where there is no such folder the code waits, too, and nowhere is looked for it', () => {
  const { begin, signIns } = open();
  const nobodys = begin(undefined);
  expect(signIns.take(nobodys.headers)).toEqual({ kind: 'waiting' });
  expect([...signIns.folders()]).toEqual([]);
});

test('a name that a device has written in capitals is the code, too', () => {
  const { begin, signIns } = open();
  const mine = begin(alice);
  const shouted = mine.code.toUpperCase();
  expect(signIns.prove(alice, [shouted])).toEqual([shouted]);
});

test('an address gets ten codes a minute, and so does its household', () => {
  const { begin, wait } = open();
  for (let count = 0; count < 10; count += 1) begin(alice, `2001:db8::${count}`);
  expect(() => begin(alice, '2001:db8::ffff')).toThrow('too many were asked for');
  begin(alice, '2001:db9::1');
  wait(6_000);
  begin(alice, '2001:db8::ffff');
});

test('of a thousand codes for one folder the oldest goes; other folders keep theirs', () => {
  const { begin, signIns } = open();
  const bobs = begin(bob);
  const first = begin(alice);
  const second = begin(alice);
  for (let count = 0; count < 999; count += 1) begin(alice);
  expect(signIns.prove(alice, [first.code])).toEqual([]);
  expect(signIns.prove(alice, [second.code])).toEqual([second.code]);
  expect(signIns.prove(bob, [bobs.code])).toEqual([bobs.code]);
});
