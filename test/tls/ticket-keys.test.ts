import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import { DirectStore } from '../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../src/outside/store/open.ts';
import { SealingStore } from '../../src/outside/store/sealing-store.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { certificateSpace, keys as recordKeys } from '../../src/tls/records.ts';
import { TicketKeys } from '../../src/tls/ticket-keys.ts';

const hourMs = 3_600_000;
const opened: TicketKeys[] = [];

afterEach(async () => {
  for (const keys of opened.splice(0)) await keys.close();
});

function open(more: Partial<ConstructorParameters<typeof TicketKeys>[0]> = {}): TicketKeys {
  const keys = new TicketKeys({ nowMs: Date.now, onTrouble: (error) => ({ error }), ...more });
  opened.push(keys);
  return keys;
}

function text(keys: TicketKeys): string {
  return Buffer.from(keys.current).toString('hex');
}

test('ticket keys are as OpenSSL wants them, and are replaced from time to time', async () => {
  const keys = open({ lifetimeMs: 5 });
  const first = keys.current;
  expect(first).toHaveLength(48);
  const next = await new Promise<Uint8Array>((resolve) => keys.rotate(resolve));
  expect(next).toHaveLength(48);
  expect(Buffer.from(next).equals(first)).toBe(false);
});

describe('of several nodes', () => {
  const sealKey = randomBytes(32);
  let directory: string;
  let stores: readonly DirectStore[];
  let aheadMs = 0;

  beforeEach(() => {
    aheadMs = 0;
    directory = mkdtempSync(join(tmpdir(), 'terrafirma-tickets-'));
    stores = [1, 2].map(() =>
      DirectStore.open({
        ...{ databasePath: storePath(directory), synchronous: 'normal', limits: defaultLimits },
        ...{ blobs: openBlobs(directory), nowMs: () => Date.now() + aheadMs },
      }),
    );
    return async () => {
      for (const store of stores) await store.close();
      rmSync(directory, { recursive: true });
    };
  });

  function node(
    index: number,
    told: unknown[] = [],
    more: { lifetimeMs?: number } = {},
  ): TicketKeys {
    const store = stores[index];
    if (store === undefined) throw new RangeError(`Cannot find store ${index}`);
    return open({
      store: new SealingStore(store, [sealKey]),
      nowMs: () => Date.now() + aheadMs,
      onTrouble: (error) => told.push(error),
      ...more,
    });
  }

  test('all have the same, sealed in the store, and replace them together', async () => {
    const nodes = [node(0), node(1)] as const;
    const [one, two] = nodes;
    expect(text(one)).not.toBe(text(two));
    const changes: Uint8Array[] = [];
    for (const each of nodes) each.rotate((keys) => changes.push(keys));
    await expect.poll(() => text(one) === text(two) && changes.length >= 1).toBe(true);
    const first = text(one);
    const file = readFileSync(storePath(directory)).toString('hex');
    const log = readFileSync(`${storePath(directory)}-wal`).toString('hex');
    expect(`${file} ${log}`).not.toContain(first);
    // One that comes later takes them, over and over; half a day on, all take new ones.
    const late = node(1);
    late.rotate(() => undefined);
    await expect.poll(() => text(late)).toBe(first);
    aheadMs = 13 * hourMs;
    const next = node(0);
    next.rotate(() => undefined);
    await expect.poll(() => text(one) !== first && new Set(nodes.map(text)).size).toBe(1);
    await expect.poll(() => text(next)).toBe(text(one));
  });

  test('old keys that are put back, sealed as they were, are not taken', async () => {
    const [store = failEmpty()] = stores;
    const one = node(0);
    one.rotate(() => undefined);
    const read = async () => (await store.read(certificateSpace, [recordKeys.tickets]))[0];
    await expect.poll(read).toBeDefined();
    const first = text(one);
    const { value } = (await read()) ?? failEmpty();
    await one.close();
    aheadMs = 13 * hourMs;
    const write = { key: recordKeys.tickets, op: 'put', value, ttlMs: 100 * hourMs } as const;
    await store.commit(certificateSpace, [write], { deadlineMs: 10_000 });
    const next = node(1);
    next.rotate(() => undefined);
    await expect
      .poll(async () => Buffer.compare((await read())?.value ?? value, value))
      .not.toBe(0);
    expect(text(next)).not.toBe(first);
  });

  test('while the store is away each has its own, which do not last either', async () => {
    const [told, toldLate]: unknown[][] = [[], []];
    const keys = node(0, told);
    const late = node(1, toldLate, { lifetimeMs: 1 });
    const first = text(keys);
    const before = text(late);
    for (const each of [keys, late]) each.rotate(() => undefined);
    for (const store of stores) await store.close();
    await expect.poll(() => (told?.length ?? 0) > 0 && (toldLate?.length ?? 0) > 0).toBe(true);
    expect(text(keys)).toBe(first);
    await expect.poll(() => text(late)).not.toBe(before);
  });
});

function failEmpty(): never {
  throw new Error('There must be one');
}
