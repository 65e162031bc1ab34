/** Guests that hoard objects and exceptions: the thread's heap is shared by all of them. */
import { describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { RunBytes } from '../../../src/engine/run/bytes.ts';
import { MemoryQuota } from '../../../src/engine/run/memory-quota.ts';
import { ObjectHeap } from '../../../src/engine/supply/object-heap.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { MapKeyValue, World } from '../../support/abi-world.ts';
import { untilHolds } from '../../support/until-holds.ts';
import { emitModule, nameBytes } from '../../wasm/support/assemble.ts';
import { Engine, type EngineOptions } from '../world.ts';

const mib = 1024 * 1024;

class SlowStore extends MapKeyValue {
  readonly gate = Promise.withResolvers<void>();

  override async get(): Promise<Uint8Array> {
    await this.gate.promise;
    return Buffer.from('value');
  }
}

class SlowWorld extends World {
  override readonly keyValue = new SlowStore();
}

function leb(value: number): number[] {
  return [
    (value & 0x7f) | 0x80,
    ((value >> 7) & 0x7f) | 0x80,
    ((value >> 14) & 0x7f) | 0x80,
    value >> 21,
  ];
}

const importOf = (name: string, type: number): number[] => [
  ...nameBytes('env'),
  ...nameBytes(name),
  0,
  type,
];

/**
 * run: `hoard`, which leaves a reference; then asks the store and answers "done". `_initialize`:
 * `first`, which leaves one too.
 */
function hoarder(
  hoard: readonly number[],
  payload: readonly number[] = [],
  first: readonly number[] = [0x41, 0],
): Uint8Array {
  const ask = [0x41, 16, 0x41, 20, 0x41, 0, 0x41, 4, 0x10, 0, 0x1a];
  const answer = [0x41, 0, 0x41, 0, 0x41, 4, 0x10, 1, 0x1a];
  return emitModule({
    types: [
      [0x5e, 0x78, 1],
      [0x60, 0, 0],
      [0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f],
      [0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f],
      [0x60, 1, 0x7f, 1, 0x7f],
      [0x60, payload.length, ...payload, 0],
      [0x5e, 0x69, 1],
    ],
    imports: [importOf('hostcall_kvstore_get', 2), importOf('hostcall_resp_set_body', 3)],
    functions: [1, 4, 1],
    memories: [[0, 1]],
    tags: [[0, 5]],
    exports: { run: 2, default_malloc_impl: 3, _initialize: 4 },
    bodies: [
      [1, 1, 0x7f, ...hoard, ...ask, ...answer, 0x1a, 0x0b],
      [0, 0x41, ...leb(0x2000), 0x0b],
      [0, ...first, 0x1a, 0x0b],
    ],
    data: [[0, 0x41, 0, 0x0b, 4, ...Buffer.from('done')]],
  });
}

/** An array of so many bytes. */
const arrayOf = (bytes: number): number[] => [0x41, ...leb(bytes), 0xfb, 7, 0];

const v128 = [0xfd, 12, ...Array<number>(16).fill(0)];
const hundredVectors = Array.from({ length: 100 }, () => v128).flat();
/** An array of 1,000 exceptions of 6.4 KiB each: 1.6 KiB of payload, which V8 keeps in pieces. */
const exceptions = [
  ...[0x41, ...leb(1_000), 0xfb, 7, 6],
  ...[0x03, 0x40],
  ...[0x02, 0x69, 0x1f, 0x40, 1, 3, 0, ...hundredVectors, 0x08, 0, 0x0b, 0x00, 0x0b],
  ...[0x1a, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, ...leb(1_000), 0x48, 0x0d, 0, 0x0b],
];

const limits = { objectBytesPerRunMax: 4 * mib, objectBytesPerThreadMax: 8 * mib };

function engineOf(options: EngineOptions = {}): Engine {
  return new Engine({ limits, ...options });
}

describe('the objects of one run', () => {
  test.each([
    ['an array', arrayOf(4 * mib), []],
    ['exceptions with payloads', exceptions, Array<number>(100).fill(0x7b)],
  ])('are bounded: %s', async (_, hoard, payload) => {
    using engine = engineOf();
    const { report } = await engine.run(engine.load(hoarder(hoard, payload)));
    expect(report.outcome).toBe('out-of-memory');
    expect(report.error?.code).toBe('guest-out-of-memory');
    expect(engine.account.heldBy('heap')).toBe(0);
  });

  test('may be as many in the next run', async () => {
    using engine = engineOf();
    const loaded = engine.load(hoarder(arrayOf(3 * mib)));
    for (let run = 0; run < 5; run += 1) expect((await engine.run(loaded)).text).toBe('done');
    expect(engine.account.heldBy('heap')).toBe(0);
  });
});

describe('the objects of a start function', () => {
  test('are garbage when the first run begins, and count for no run', async () => {
    using engine = engineOf();
    const loaded = engine.load(hoarder(arrayOf(3 * mib), [], arrayOf(3 * mib)));
    // Fresh, then restored: both may have as much.
    for (let run = 0; run < 3; run += 1) {
      const { report } = await engine.run(loaded);
      expect({ run, outcome: report.outcome }).toEqual({ run, outcome: 'replied' });
    }
  });
});

describe('the objects of all runs of a thread', () => {
  test('are bounded, for one owner by half, and the next may have what one gave back', async () => {
    using engine = engineOf();
    const loaded = engine.load(hoarder(arrayOf(mib - 1_024)));
    const world = new SlowWorld();
    const begin = (owner: string) =>
      engine.begin(loaded, { world, owner, siteKey: `${owner}/site` }).report;
    const greedy = Array.from({ length: 20 }, () => begin('/greedy'));
    // Those that were refused have ended; four wait for the store, whichever came first.
    const ended: Awaited<(typeof greedy)[number]>[] = [];
    for (const report of greedy) void report.then((one) => ended.push(one));
    await untilHolds(() => expect(ended).toHaveLength(16));
    for (const report of ended) {
      expect(report.outcome).toBe('refused');
      expect(report.error).toMatchObject({ code: 'overloaded' });
    }
    const other = begin('/other');
    world.keyValue.gate.resolve();
    expect((await other).outcome).toBe('replied');
    const outcomes = (await Promise.all(greedy)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'replied')).toHaveLength(4);
    expect(engine.account.heldBy('heap')).toBe(0);
    expect((await begin('/greedy')).outcome).toBe('replied');
  });
});

test('a run of an owner who keeps everybody waiting gets no more objects, and says why', () => {
  const shared = createSharedAccount({ threads: 1, bytesMax: 1024 * mib, memoriesMax: 9 });
  const account = new Account(shared, 0);
  const stalling = '/mallory' as OwnerKey;
  const heap = new ObjectHeap({ bytesPerRunMax: 32 * mib, bytesPerThreadMax: 64 * mib });
  account.shareOf(stalling).mark({ isHeld: true, isStalling: true });
  const open = (owner: OwnerKey) => heap.open({ owner, share: account.shareOf(owner) });
  expect(open('/alice' as OwnerKey).take(mib)).toBe(mib);
  const refused = {
    code: 'overloaded',
    detail: expect.stringContaining('have kept everybody waiting'),
  };
  expect(open(stalling).take(1)).toEqual(refused);
  expect(heap.bytes).toBe(mib);
  // Nor what the host keeps for it, such as handles.
  const bytesOf = (owner: OwnerKey): RunBytes => {
    const shares = { owner, site: owner, client: '' };
    const quota = new MemoryQuota(mib);
    return new RunBytes(
      { shares, share: account.shareOf(owner), objects: undefined, quota },
      {
        objects: heap,
      },
    );
  };
  expect(bytesOf(stalling).tryHold(1)).toBe(false);
  expect(bytesOf(stalling).tryHoldObjects(1)).toBe(false);
  expect(bytesOf('/alice' as OwnerKey).tryHold(1)).toBe(true);
  expect(bytesOf('/alice' as OwnerKey).tryHoldObjects(1)).toBe(true);
});

test('what the host makes for guests is bounded with their own objects', () => {
  const shared = createSharedAccount({ threads: 1, bytesMax: 1024 * mib, memoriesMax: 9 });
  const account = new Account(shared, 0);
  const heap = new ObjectHeap({ bytesPerRunMax: 32 * mib, bytesPerThreadMax: 64 * mib });
  const open = (owner: string) => {
    const shares = { owner: owner as OwnerKey, site: owner, client: '' };
    const share = account.shareOf(shares.owner);
    const run = { shares, share, objects: undefined, quota: new MemoryQuota(mib) };
    return { run, bytes: new RunBytes(run, { objects: heap }) };
  };
  const hoarders = Array.from({ length: 200 }, () => open('/mallory'));
  // 64 handles at a time.
  const took = hoarders.map(({ bytes }) => {
    let count = 0;
    while (count < 156 && bytes.tryHoldObjects(32_768)) count += 1;
    return count;
  });
  expect(took.filter((count) => count === 156)).toHaveLength(6);
  expect(heap.bytes).toBeLessThanOrEqual(32 * mib + 32_768);
  expect(hoarders[100]?.run.quota.refusal).toMatchObject({ code: 'overloaded' });
  expect(open('/alice').bytes.tryHoldObjects(1_024 * 1_024)).toBe(true);
});
