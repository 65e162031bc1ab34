/** What a node makes of what it finds in the engine, and what the engine does by itself. */
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../../src/config/config.ts';
import type { KnownInstallation } from '../../../../src/outside/store/nats/installation.ts';
import { NatsStore } from '../../../../src/outside/store/nats/nats-store.ts';
import { NatsServers, natsProgram } from '../../../support/nats-servers.ts';
import { settingsOf } from './world.ts';

const space = { area: 'kv', name: '/keybase/public/alice\nkv.wasm' } as const;
const wait = { deadlineMs: 10_000 };
const dayMs = 86_400_000;

describe.skipIf(natsProgram === undefined)('an installation in the engine', () => {
  let servers: NatsServers;
  let connection: NatsConnection;
  const opened: NatsStore[] = [];
  let names = 0;

  beforeAll(async () => {
    servers = await NatsServers.start({ count: 1 });
    connection = await connect({ servers: [...servers.urls] });
  });

  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  afterAll(async () => {
    await connection?.close();
    await servers?.close();
  });

  interface Options {
    readonly name: string;
    readonly known?: KnownInstallation;
    readonly onOpened?: (known: KnownInstallation) => void;
    readonly nowMs?: () => number;
    readonly keysMax?: number;
  }

  function open({ keysMax, known, name, nowMs = Date.now, onOpened }: Options): NatsStore {
    const { kvNamespaceKeysMax } = defaultLimits;
    const store = new NatsStore({
      settings: settingsOf(servers.urls, { name }),
      limits: { ...defaultLimits, kvNamespaceKeysMax: keysMax ?? kvNamespaceKeysMax },
      ...{ known, nowMs, onTrouble: () => undefined },
      ...(onOpened === undefined ? {} : { onOpened }),
    });
    opened.push(store);
    return store;
  }

  /** One of its own for each test, and what a node remembers of it. */
  async function make(): Promise<{ readonly name: string; readonly known: KnownInstallation }> {
    names += 1;
    const name = `made${names}`;
    const known = await new Promise<KnownInstallation>((resolve) => {
      open({ name, onOpened: resolve });
    });
    return { name, known };
  }

  const remove = (stream: string): Promise<unknown> =>
    connection.request(`$JS.API.STREAM.DELETE.${stream}`);

  const streams = async (): Promise<readonly string[]> =>
    Object((await connection.request('$JS.API.STREAM.NAMES')).json()).streams;

  test('is taken for what it was as long as all of it is there', async () => {
    const { known, name } = await make();
    const again = open({ name, known });
    await again.engine.openWithin(30_000, () => 'no answer');
    expect(again.state).toBe('ready');
  });

  test.each<
    readonly [string, (known: KnownInstallation, stream: string) => KnownInstallation, RegExp]
  >([
    ['another', (known) => ({ ...known, id: 'another' }), /the installation that this node knows/],
    [
      'made anew',
      (known, stream) => ({ ...known, created: { ...known.created, [stream]: 'before' } }),
      /must be of before, as before/,
    ],
    [
      'set back',
      (known, stream) => ({ ...known, sequences: { ...known.sequences, [stream]: 999 } }),
      /must have come to 999 messages, as before: received 1;.*cluster adopt/,
    ],
  ])('that is %s is refused, and an operator told what to do', async (_, change, words) => {
    const { known, name } = await make();
    const store = open({ name, known: change(known, `TF_${name}_CTL`) });
    await expect(store.engine.openWithin(30_000, () => '')).rejects.toThrow(words);
    expect(store.state).toBe('refused');
  });

  test.each(['TF_NAME_CTL', 'TF_NAME_KV_01', 'OBJ_TF_NAME_BLOB'])(
    'without its %s is refused, and nothing is made anew',
    async (which) => {
      const { known, name } = await make();
      const stream = which.replace('NAME', name);
      await remove(stream);
      const before = await streams();
      const store = open({ name, known });
      const words = `stream ${stream} must be there, as before`;
      await expect(store.engine.openWithin(30_000, () => '')).rejects.toThrow(words);
      expect(await streams()).toEqual(before);
    },
  );

  test('of a release that made whole files later is completed', async () => {
    const { known, name } = await make();
    const files = `OBJ_TF_${name}_BLOB`;
    await remove(files);
    const { [files]: _, ...created } = known.created;
    const store = open({ name, known: { ...known, created } });
    await store.engine.openWithin(30_000, () => 'no answer');
    expect(await streams()).toContain(files);
  });

  test('makes room for what is stored once it counts what has expired', async () => {
    const { name } = await make();
    let nowMs = Date.now();
    const store = open({ name, keysMax: 3, nowMs: () => nowMs });
    const put = (key: string, ttlMs?: number): Promise<unknown> => {
      const write = { key: Buffer.from(key), op: 'put', value: Buffer.from('v') } as const;
      return store.commit(space, [ttlMs === undefined ? write : { ...write, ttlMs }], wait);
    };
    for (const key of ['a', 'b', 'c']) await put(key, dayMs);
    await expect(put('d')).rejects.toMatchObject({ kind: 'limit' });
    // What was counted a moment ago is not counted again: strangers must not have all listed.
    nowMs += dayMs + 1;
    await expect(put('d')).rejects.toMatchObject({ kind: 'limit' });
    const other = open({ name, keysMax: 3, nowMs: () => nowMs });
    const write = { key: Buffer.from('d'), op: 'put', value: Buffer.from('v') } as const;
    expect(await other.commit(space, [write], wait)).toMatchObject({ kind: 'done' });
    expect((await other.list(space, { prefix: Buffer.from(''), limit: 9 })).items).toHaveLength(1);
  });

  test('loses what has expired by itself, some seconds later', async () => {
    const { name } = await make();
    const store = open({ name });
    const key = Buffer.from('short');
    await store.commit(space, [{ key, op: 'put', value: key, ttlMs: 1_000 }], wait);
    const held = async (): Promise<number> => {
      const infos = ['00', '01'].map(async (shard) => {
        const answer = await connection.request(`$JS.API.STREAM.INFO.TF_${name}_KV_${shard}`);
        return Number(Object(answer.json()).state.messages);
      });
      return (await Promise.all(infos)).reduce((sum, count) => sum + count, 0);
    };
    // The value, and how much the space holds.
    expect(await held()).toBe(2);
    await expect.poll(() => store.read(space, [key]), { timeout: 30_000 }).toEqual([undefined]);
    await expect.poll(held, { timeout: 30_000 }).toBe(1);
  });
});
