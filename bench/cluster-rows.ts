/** The key-value store of several nodes beside that of one machine, in alternate rounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultLimits } from '../src/config/config.ts';
import type { FolderKey, ModulePath } from '../src/names.ts';
import type { SharedStore } from '../src/outside/store/contract.ts';
import { startClusterKeeper } from '../src/outside/store/nats/cluster-keeper.ts';
import { openStoreClient } from '../src/outside/store/open.ts';
import { moduleSpace } from '../src/outside/store/spaces.ts';
import { storePath } from '../src/outside/store/sqlite-schema.ts';
import { type StoreKeeper, startStoreKeeper } from '../src/outside/store/store-keeper.ts';
import { NatsServers, natsProgram } from '../test/support/nats-servers.ts';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureRate, putLoad } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const space = moduleSpace('/keybase/public/alice' as FolderKey, 'kv.wasm' as ModulePath);
const key = Buffer.from('key');
const getsPerRound = 20_000;
const putsPerRound = 200;
const wait = { deadlineMs: 30_000 };
const connections = 16;
const kvGuest = fileURLToPath(new URL('../test/guests/kv.wasm', import.meta.url));

export async function measureCluster(plan: DaemonPlan): Promise<readonly Row[]> {
  const { rounds } = plan;
  const name = 'get of a cluster against SQLite';
  if (natsProgram === undefined) {
    return [{ name, value: Number.NaN, unit: 'no nats-server, see NATS_SERVER' }];
  }
  const servers = await NatsServers.start({ count: 3 });
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-bench-'));
  const onTrouble = (): void => undefined;
  const many = startClusterKeeper({
    settings: clusterSettings(servers.urls),
    ...{ limits: defaultLimits, stateDirectory: directory, mirrorBytesMax: 64 * 1024 * 1024 },
    ...{ staleReadsMs: 0, onTrouble, onEngine: onTrouble, onFull: onTrouble },
  });
  const one = startStoreKeeper({
    ...{ databasePath: storePath(directory), synchronous: 'full', limits: defaultLimits },
    onTrouble,
  });
  const stores = [many, one].map((keeper) => open(keeper, directory));
  try {
    return [...(await compare(stores, rounds)), ...(await compareGuests(servers, plan))];
  } finally {
    for (const store of stores) await store.close();
    await Promise.all([many.close(), one.close()]);
    await servers.close();
    rmSync(directory, { recursive: true });
  }
}

/** Requests/s of a guest that reads one key, on a node of a cluster and on a machine alone. */
async function compareGuests(
  servers: NatsServers,
  { rounds, seconds }: DaemonPlan,
): Promise<readonly Row[]> {
  using folder = new BenchFolder('guests');
  folder.put(kvGuest, 'kv.wasm');
  await using node = await Server.daemon(folder.directory, {
    ...{ TERRAFIRMA_CLUSTER_SERVERS: servers.urls.join(','), TERRAFIRMA_CLUSTER_NODE: 'bench' },
    TERRAFIRMA_CLUSTER_NAME: 'guests',
  });
  await using alone = await Server.daemon(folder.directory);
  const ends = [node, alone];
  for (const { url } of ends) {
    await askUntil(`${url}/kv.wasm/upsert?key=value`, (text) => /^[01]/.test(text));
    await putLoad(`${url}/kv.wasm/get?key`, { connections, seconds });
  }
  const found: number[][] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { url }] of ends.entries()) {
      found[index]?.push(await measureRate(`${url}/kv.wasm/get?key`, { connections, seconds }));
    }
  }
  const [ofNode = [], ofOne = []] = found;
  const unit = 'requests/s';
  return [
    { name: 'guest that reads a key, on a node of a cluster', value: median(ofNode), unit },
    { name: 'guest that reads a key, on one machine', value: median(ofOne), unit },
    {
      name: 'guest of a cluster against one machine',
      value: medianRatio(ofNode, ofOne),
      unit: 'x',
      goal: { atLeast: 0.9 },
    },
  ];
}

async function compare(stores: readonly SharedStore[], rounds: number): Promise<readonly Row[]> {
  const gets: number[][] = [[], []];
  const puts: number[][] = [[], []];
  const swaps: number[][] = [[], []];
  for (const store of stores) await put(store, 'first');
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, store] of stores.entries()) {
      await store.read(space, [key]);
      gets[index]?.push(await timeEach(getsPerRound, () => store.read(space, [key])));
      puts[index]?.push(await timeEach(putsPerRound, (n) => put(store, `${round} ${n}`)));
      swaps[index]?.push(await timeEach(putsPerRound, (n) => swap(store, `${round} ${n}`)));
    }
  }
  const [manyGets = [], oneGets = []] = gets;
  return [
    {
      name: 'get of a cluster against SQLite',
      value: medianRatio(oneGets, manyGets),
      unit: 'x',
      goal: { atLeast: 0.95 },
    },
    ...timesOf('put', puts),
    ...timesOf('compare and set', swaps),
  ];
}

function timesOf(what: string, [many = [], one = []]: readonly number[][]): readonly Row[] {
  return [
    { name: `${what} of a cluster`, value: median(many), unit: 'us' },
    { name: `${what} of SQLite, full`, value: median(one), unit: 'us' },
  ];
}

function open(keeper: StoreKeeper, directory: string): SharedStore {
  return openStoreClient(keeper.connect(), directory, keeper.cluster);
}

async function put(store: SharedStore, value: string): Promise<void> {
  await store.commit(space, [{ key, op: 'put', value: Buffer.from(value) }], wait);
}

async function swap(store: SharedStore, value: string): Promise<void> {
  const [entry] = await store.read(space, [key]);
  const ifRevision = entry?.revision ?? 0;
  await store.commit(space, [{ key, op: 'put', value: Buffer.from(value), ifRevision }], wait);
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

function clusterSettings(servers: readonly string[]) {
  return {
    ...{ servers, name: 'bench', node: 'bench', shards: 1, replicas: 3, waitMs: 30_000 },
    ...{ credentialsFile: undefined, nkeyFile: undefined, caFile: undefined },
    ...{ certificateFile: undefined, keyFile: undefined },
  };
}
