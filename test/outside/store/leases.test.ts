import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { Lease } from '../../../src/outside/store/leases.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';

const space = { area: 'tls', name: 'tls' } as const;
const key = Buffer.from('lock/x');
const other = Buffer.from('work');
const wait = { deadlineMs: 1_000 };
let directory: string;
let store: DirectStore;
let nowMs = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrafirma-lease-'));
  nowMs = 0;
  store = DirectStore.open({
    ...{ databasePath: storePath(directory), synchronous: 'normal', limits: defaultLimits },
    ...{ blobs: openBlobs(directory), nowMs: () => nowMs },
  });
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** `aheadMs`: its clock shows another time, as clocks of machines do. */
function lease(aheadMs = 0, isAlone = false): Lease {
  return new Lease({ store, space, key, ttlMs: 30_000, nowMs: () => nowMs + aheadMs, isAlone });
}

test('one of many that ask at once has it, and keeps it while it renews', async () => {
  const leases = Array.from({ length: 8 }, () => lease());
  const held = await Promise.all(leases.map((one) => one.tryHold()));
  expect(held.filter(Boolean).length).toBe(1);
  const holder = leases[held.indexOf(true)];
  for (let n = 0; n < 20; n += 1) {
    nowMs += 10_000;
    const now = await Promise.all(leases.map((one) => one.tryHold()));
    expect(now).toEqual(held);
    expect(holder?.isHeld).toBe(true);
  }
});

test('the lease of one that died goes to another after its time and two seconds', async () => {
  const dead = lease(1_000_000);
  expect(await dead.tryHold()).toBe(true);
  const heir = lease();
  expect(await heir.tryHold()).toBe(false);
  nowMs += 31_999;
  expect(dead.isHeld).toBe(false);
  expect(await heir.tryHold()).toBe(false);
  nowMs += 1;
  expect(await heir.tryHold()).toBe(true);
  // It comes back late, and has lost it.
  expect(await dead.tryHold()).toBe(false);
  expect(dead.guard()).toBeUndefined();
});

test('a late holder does nothing: what it guards conflicts', async () => {
  const late = lease();
  await late.tryHold();
  const guard = late.guard();
  const heir = lease();
  await heir.tryHold();
  nowMs += 32_000;
  expect(await heir.tryHold()).toBe(true);
  if (guard === undefined) throw new Error('expected a guard');
  const work = { key: other, op: 'put', value: Buffer.from('late') } as const;
  expect((await store.commit(space, [guard, work], wait)).kind).toBe('conflict');
  const own = heir.guard();
  if (own === undefined) throw new Error('expected a guard');
  const done = await store.commit(space, [own, work], wait);
  expect(done.kind).toBe('done');
  heir.guarded(done.kind === 'done' ? (done.revisions[0] ?? 0) : 0);
  expect(await heir.tryHold()).toBe(true);
});

test('what is let go is free at once, and only by its holder', async () => {
  const first = lease();
  await first.tryHold();
  const second = lease();
  await second.release();
  expect(await second.tryHold()).toBe(false);
  await first.release();
  expect(await second.tryHold()).toBe(true);
});

test('who is alone takes what a dead process left', async () => {
  await lease().tryHold();
  expect(await lease(0, true).tryHold()).toBe(true);
});

test('a row that is no lease is one for as long as our own, and then it is ours', async () => {
  for (const text of ['{', 'null', '{"ttlMs":"long"}']) {
    await store.commit(space, [{ key, op: 'put', value: Buffer.from(text) }], wait);
    const heir = lease();
    expect(await heir.tryHold()).toBe(false);
    nowMs += 31_999;
    expect(await heir.tryHold()).toBe(false);
    nowMs += 1;
    expect(await heir.tryHold()).toBe(true);
  }
});
