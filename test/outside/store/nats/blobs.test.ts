/** Whole files in the engine: as its own client has them, stored once, whatever goes wrong. */
import { createHash, randomBytes } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '../../../../src/names.ts';
import type { StoredBlob } from '../../../../src/outside/store/contract.ts';
import { Link } from '../../../../src/outside/store/nats/link.ts';
import { removeLoosePieces } from '../../../../src/outside/store/nats/loose-pieces.ts';
import type { NatsStore } from '../../../../src/outside/store/nats/nats-store.ts';
import { Bucket } from '../../../../src/outside/store/nats/objects.ts';
import { untilAnswered } from '../../../../src/outside/store/nats/patience.ts';
import { NatsServers, natsProgram } from '../../../support/nats-servers.ts';
import { openNatsStore, settingsOf } from './world.ts';

const bucket = 'TF_whole_BLOB';
const stream = `OBJ_${bucket}`;
const large = 2_500_000;

describe.skipIf(natsProgram === undefined)('whole files', () => {
  let servers: NatsServers;
  let connection: NatsConnection;
  let store: NatsStore;

  beforeAll(async () => {
    servers = await NatsServers.start({ count: 1 });
    store = openNatsStore(settingsOf(servers.urls, { name: 'whole' }));
    await store.engine.openWithin(30_000, () => 'no answer');
    connection = await connect({ servers: [...servers.urls] });
  });

  afterAll(async () => {
    await connection?.close();
    await store?.close();
    await servers?.close();
  });

  const vendors = (): Promise<ObjectStore> => new Objm(jetstream(connection)).open(bucket);

  test('that earlier releases stored, by the vendor, are read, and the reverse', async () => {
    const [theirs, ours, empty] = [randomBytes(large), randomBytes(large), Buffer.alloc(0)];
    const vendor = await vendors();
    await vendor.putBlob({ name: digestOf(theirs) }, theirs);
    expect(isSame(await store.blobs.get(digestOf(theirs)), theirs)).toBe(true);
    for (const content of [ours, empty]) {
      await store.blobs.put(digestOf(content), content);
      expect(isSame(await vendor.getBlob(digestOf(content)), content)).toBe(true);
      expect((await vendor.info(digestOf(content)))?.size).toBe(content.byteLength);
    }
    const listed = (await all(store)).map(({ digest }) => digest);
    expect(listed.sort()).toEqual([theirs, ours, empty].map(digestOf).sort());
    // One that it deleted is not there, and can be stored again.
    await vendor.delete(digestOf(ours));
    expect(await store.blobs.get(digestOf(ours))).toBeUndefined();
    await store.blobs.put(digestOf(ours), ours);
    expect(isSame(await vendor.getBlob(digestOf(ours)), ours)).toBe(true);
  });

  test('that are there are not sent again; from then on they count as young', async () => {
    const content = randomBytes(large);
    const digest = digestOf(content);
    await store.blobs.put(digest, content);
    const before = await ids();
    const [old] = (await all(store)).filter((each) => each.digest === digest);
    await store.blobs.put(digest, content);
    const [young] = (await all(store)).filter((each) => each.digest === digest);
    expect(young?.storedAtMs).toBeGreaterThan(old?.storedAtMs ?? Number.POSITIVE_INFINITY);
    expect(await ids()).toEqual(before);
    expect(isSame(await store.blobs.get(digest), content)).toBe(true);
  });

  test('a message that cannot be read is of none, and hides no other', async () => {
    const content = randomBytes(10);
    const damaged = randomBytes(10);
    await store.blobs.put(digestOf(content), content);
    const subject = new Bucket(bucket).objectOf(digestOf(damaged));
    for (const text of ['{', 'null', `{"name":"${digestOf(damaged)}","nuid":"a"}`]) {
      await jetstream(connection).publish(subject, text);
      const listed = (await all(store)).map(({ digest }) => digest);
      expect(listed).toContain(digestOf(content));
      expect(listed).not.toContain(digestOf(damaged));
      expect(await store.blobs.get(digestOf(damaged))).toBeUndefined();
    }
    await store.blobs.put(digestOf(damaged), damaged);
    expect(isSame(await store.blobs.get(digestOf(damaged)), damaged)).toBe(true);
  });

  test('whose pieces are damaged or gone count as absent', async () => {
    const content = randomBytes(large);
    const digest = digestOf(content);
    const before = new Set(await ids());
    await store.blobs.put(digest, content);
    const id = (await ids()).find((each) => !before.has(each));
    const subject = `$O.${bucket}.C.${id}`;
    const ask = async (api: string, question: object): Promise<unknown> =>
      (
        await connection.request(`$JS.API.STREAM.MSG.${api}.${stream}`, JSON.stringify(question))
      ).json();
    const { message } = Object(await ask('GET', { next_by_subj: subject, seq: 1 }));
    await ask('DELETE', { seq: message.seq });
    expect(await store.blobs.get(digest)).toBeUndefined();
    await connection.request(
      subject,
      new Uint8Array(Buffer.from(message.data, 'base64').byteLength),
    );
    expect(await store.blobs.get(digest)).toBeUndefined();
  });

  test('pieces that nothing names are removed once they are old, and nothing else', async () => {
    const content = randomBytes(large);
    await store.blobs.put(digestOf(content), content);
    const named = await ids();
    for (const piece of ['a', 'b']) await connection.request(`$O.${bucket}.C.left`, piece);
    expect(await store.blobs.removeLoose?.(Date.now() - 60_000)).toBe(0);
    expect(new Set(await ids())).toEqual(new Set([...named, 'left']));
    expect(await store.blobs.removeLoose?.(Date.now() + 60_000)).toBe(1);
    expect(new Set(await ids())).toEqual(new Set(named));
    expect(isSame(await store.blobs.get(digestOf(content)), content)).toBe(true);
  });

  test('pieces that a server does not list, which still catches up, stay', async () => {
    const content = randomBytes(large);
    await store.blobs.put(digestOf(content), content);
    const named = await ids();
    await connection.request(`$O.${bucket}.C.left`, 'a');
    const ignore = (): void => undefined;
    const events = { onConnected: ignore, onDisconnected: ignore, onTrouble: ignore };
    const link = new Link(settingsOf(servers.urls, { name: 'whole' }), events);
    await link.open();
    const parts = { link, bucket: new Bucket(bucket), beforeMs: Date.now() + 60_000 };
    expect(await removeLoosePieces(parts, () => Promise.resolve(new Set()))).toBe(1);
    await link.close();
    expect(new Set(await ids())).toEqual(new Set(named));
    expect(isSame(await store.blobs.get(digestOf(content)), content)).toBe(true);
  });

  test('a question that nobody has answered is asked again', async () => {
    let asked = 0;
    const subscription = connection.subscribe('slow.to.answer', {
      callback: (_, message) => {
        asked += 1;
        // As a stream without a leader.
        if (asked > 2) message.respond('yes');
      },
    });
    await connection.flush();
    const ignore = (): void => undefined;
    const events = { onConnected: ignore, onDisconnected: ignore, onTrouble: ignore };
    const link = new Link(settingsOf(servers.urls, { name: 'whole' }), events);
    await link.open();
    const ask = async (ms: number): Promise<string> =>
      (await link.request({ subject: 'slow.to.answer', payload: Buffer.from('?') }, ms)).string();
    const patience = { untilMs: performance.now() + 60_000, firstMs: 10 };
    expect(await untilAnswered(link, patience, ask)).toBe('yes');
    expect(asked).toBe(3);
    asked = Number.NEGATIVE_INFINITY;
    const impatience = { untilMs: performance.now(), firstMs: 10 };
    await expect(untilAnswered(link, impatience, ask)).rejects.toThrow('did not answer');
    subscription.unsubscribe();
    await link.close();
  });

  /** Of pieces that are there. */
  async function ids(): Promise<readonly string[]> {
    return await idsIn(connection, bucket);
  }
});

describe.skipIf(natsProgram === undefined)('three nodes on three new servers', () => {
  test('make the installation at once, and store one file once', { timeout: 120_000 }, async () => {
    const servers = await NatsServers.start({ count: 3 });
    const nodes = [1, 2, 3].map((n) =>
      openNatsStore(settingsOf(servers.urls, { name: 'whole', node: `n${n}`, replicas: 3 })),
    );
    try {
      await Promise.all(nodes.map(({ engine }) => engine.openWithin(60_000, () => 'no answer')));
      const content = randomBytes(large);
      const digest = digestOf(content);
      await Promise.all(nodes.map(({ blobs }) => blobs.put(digest, content)));
      for (const { blobs } of nodes) expect(isSame(await blobs.get(digest), content)).toBe(true);
      const connection = await connect({ servers: [...servers.urls] });
      expect(await idsIn(connection, bucket)).toHaveLength(1);
      await connection.close();
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
      await servers.close();
    }
  });
});

async function idsIn(connection: NatsConnection, name: string): Promise<readonly string[]> {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(`OBJ_${name}`, {
    subjects_filter: `$O.${name}.C.>`,
  });
  return Object.keys(state.subjects ?? {}).map((subject) => subject.split('.').at(-1) ?? '');
}

async function all(store: NatsStore): Promise<readonly StoredBlob[]> {
  const found: StoredBlob[] = [];
  for await (const blob of store.blobs.list()) found.push(blob);
  return found;
}

function digestOf(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
}

function isSame(read: Uint8Array | null | undefined, wanted: Uint8Array): boolean {
  return read !== undefined && read !== null && Buffer.compare(read, wanted) === 0;
}
