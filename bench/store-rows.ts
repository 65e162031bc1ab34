/** The key-value store as guests have it, beside the bare statement that it stands on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KeyValueClient } from '../src/capability/kv/client.ts';
import { defaultLimits } from '../src/config/config.ts';
import type { FolderKey, ModulePath } from '../src/names.ts';
import { openStoreClient } from '../src/outside/store/open.ts';
import { moduleSpace } from '../src/outside/store/spaces.ts';
import { storePath } from '../src/outside/store/sqlite-schema.ts';
import { startStoreKeeper } from '../src/outside/store/store-keeper.ts';
import { median, medianRatio, type Row } from './report.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const modulePath = 'kv.wasm' as ModulePath;
const keyCount = 2_000;
const getsPerRound = 20_000;
const putsPerRound = 3_000;
const lanes = 32;
const putsPerLane = 300;

/** What a reader that knows nothing of revisions and expiry would ask. */
const bareSql = `
  SELECT entries.value FROM spaces JOIN entries ON entries.space = spaces.id
  WHERE spaces.area = ? AND spaces.name = ? AND entries.key = ?`;

export async function measureStore(rounds: number): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-bench-'));
  const limits = { ...defaultLimits, kvOperationsPerRunMax: Number.MAX_SAFE_INTEGER };
  const databasePath = storePath(directory);
  const keeper = startStoreKeeper({
    ...{ databasePath, synchronous: 'normal', limits },
    onTrouble: (message) => {
      throw new Error(message);
    },
  });
  const store = openStoreClient(keeper.connect(), directory);
  const guest = new KeyValueClient({ store, limits }).forRun({ folderKey, modulePath });
  const keys = Array.from({ length: keyCount }, (_, n) => Buffer.from(`key ${n}`));
  for (const key of keys) await guest.insert(key, Buffer.alloc(100));
  const bare = new DatabaseSync(databasePath, { readOnly: true });
  const statement = bare.prepare(bareSql);
  const { area, name } = moduleSpace(folderKey, modulePath);
  const found = { get: times(), bare: times(), put: times(), many: times() };
  const ask = async (n: number) => statement.get(area, name, keyOf(keys, n));
  for (let round = 0; round < rounds; round += 1) {
    found.get.push(await timeEach(getsPerRound, (n) => guest.get(keyOf(keys, n))));
    found.bare.push(await timeEach(getsPerRound, ask));
    found.put.push(await timeEach(putsPerRound, (n) => guest.insert(keyOf(keys, n), contentOf(n))));
    found.many.push(
      await putsPerSecond((n) => guest.insert(Buffer.from(`lane ${n}`), contentOf(n))),
    );
  }
  bare.close();
  await store.close();
  await keeper.close();
  rmSync(directory, { recursive: true });
  return [
    { name: 'get of the key-value store', value: median(found.get), unit: 'us' },
    {
      name: 'get against its bare statement',
      value: medianRatio(found.get, found.bare),
      unit: 'x',
      goal: { atMost: 1.5 },
    },
    { name: 'put of the key-value store', value: median(found.put), unit: 'us' },
    { name: `puts of ${lanes} at once`, value: median(found.many), unit: '/s' },
  ];
}

function times(): number[] {
  return [];
}

/** The median of one, in microseconds. */
async function timeEach(count: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const timesUs: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const startedAtMs = performance.now();
    await work(n);
    timesUs.push((performance.now() - startedAtMs) * 1_000);
  }
  return median(timesUs);
}

async function putsPerSecond(put: (n: number) => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let n = 0; n < putsPerLane; n += 1) await put(lane * putsPerLane + n);
    }),
  );
  return (lanes * putsPerLane * 1_000) / (performance.now() - startedAtMs);
}

function keyOf(keys: readonly Buffer[], n: number): Buffer {
  return keys[n % keys.length] ?? Buffer.alloc(0);
}

/** Never what was there: SQLite writes no page that stays the same. */
function contentOf(n: number): Buffer {
  const value = Buffer.alloc(100);
  value.writeDoubleLE(performance.now() + n);
  return value;
}
