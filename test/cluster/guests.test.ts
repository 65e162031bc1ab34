/** Guests of each kind with what their folder says, and with the store away. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNatsStore, settingsOf } from '../outside/store/nats/world.ts';
import { makeComponent } from '../support/component-bytes.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld, folder, type Node } from './world.ts';

const patient = { timeout: 60_000 };
const streams = 'wasi:io/streams@0.2.0';

/** Puts a value; answers `+`, or `!`, the case of the error and its words. */
function putting(store: string, names: readonly [open: string, set: string]): Uint8Array {
  const [open, set] = names;
  const write = '[method]output-stream.blocking-write-and-flush';
  return makeComponent({
    wat: `(module
      (import "libc" "memory" (memory 1))
      (import "${streams}" "${write}" (func $write (param i32 i32 i32 i32)))
      (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
      (import "${store}" "${open}" (func $open (param i32 i32 i32)))
      (import "${store}" "${set}" (func $set (param i32 i32 i32 i32 i32 i32)))
      (data (i32.const 1024) "content-type: text/plain\\0a\\0a")
      (data (i32.const 2048) "default")
      (data (i32.const 2100) "key")
      (data (i32.const 2200) "+!")
      (global $out (mut i32) (i32.const 0))
      (func $say (param i32 i32)
        (call $write (global.get $out) (local.get 0) (local.get 1) (i32.const 16)))
      (func $told (param $end i32)
        (if (i32.eqz (i32.load8_u (local.get $end)))
          (then (call $say (i32.const 2200) (i32.const 1)))
          (else
            (i32.store8 (i32.const 2202)
              (i32.add (i32.const 48) (i32.load8_u (i32.add (local.get $end) (i32.const 4)))))
            (call $say (i32.const 2201) (i32.const 2))
            (call $say (i32.load (i32.add (local.get $end) (i32.const 8)))
              (i32.load (i32.add (local.get $end) (i32.const 12)))))))
      (func (export "run") (result i32)
        (global.set $out (call $stdout))
        (call $say (i32.const 1024) (i32.const 26))
        (call $open (i32.const 2048) (i32.const 7) (i32.const 64))
        (if (i32.load8_u (i32.const 64)) (then unreachable))
        (call $set (i32.load (i32.const 68)) (i32.const 2100) (i32.const 3)
          (i32.const 2048) (i32.const 7) (i32.const 128))
        (call $told (i32.const 128))
        (i32.const 0)))`,
    imports: {
      'wasi:io/error@0.2.0': [],
      'wasi:io/poll@0.2.0': [],
      [streams]: [write],
      'wasi:cli/stdout@0.2.0': ['get-stdout'],
      [store]: [open, set],
    },
    exports: ['wasi:cli/run@0.2.0', 'run'],
  });
}

const bucket = ['open', '[method]bucket.set'] as const;
const components = {
  'draft.wasm': putting('wasi:keyvalue/store@0.2.0-draft', bucket),
  'draft2.wasm': putting('wasi:keyvalue/store@0.2.0-draft2', bucket),
  'spin.wasm': putting('fermyon:spin/key-value@2.0.0', ['[static]store.open', '[method]store.set']),
} as const;

const toml = `manifest_version = 3
[local_server.config_stores.settings]
format = "json"
file = "data/settings.json"
[[local_server.kv_stores.notes]]
key = "seed"
data = "planted"
[[local_server.secret_stores.vault]]
key = "word"
file = "data/word.txt"
`;

describe.skipIf(natsProgram === undefined)('guests on two nodes', () => {
  const keys = new TestFolder();
  let world: ClusterWorld;
  let a: Node;
  let b: Node;

  beforeAll(async () => {
    const sealKeyFile = keys.path('seal.key');
    writeFileSync(sealKeyFile, `${randomBytes(32).toString('hex')}\n`);
    world = await ClusterWorld.open({
      ...{ servers: 1, nodes: 2, waitMs: 1_000, guests: ['kv', 'fastly-stores'] },
      environment: { TERRAFIRMA_CLUSTER_SEAL_KEY_FILE: sealKeyFile },
    });
    [a, b] = [world.node(0), world.node(1)];
    for (const [name, bytes] of Object.entries(components)) {
      writeFileSync(a.mount.path(`${folder}/${name}`), bytes);
    }
    writeFileSync(a.mount.path(`${folder}/spin3.wasm`), guestBytes('components/rust/spin3'));
  });

  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    keys[Symbol.dispose]();
  });

  const hourAgoMs = Date.now() - 3_600_000;

  /** The node's copy has it now; written `minute` minutes after an hour ago. */
  function arrive(node: Node, minute: number, files: Readonly<Record<string, string>>): void {
    const writtenAt = new Date(hourAgoMs + minute * 60_000);
    for (const [name, text] of Object.entries(files)) {
      const file = node.mount.path(`${folder}/${name}`);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
      utimesSync(file, writtenAt, writtenAt);
    }
  }

  async function fastly(node: Node, headers: Readonly<Record<string, string>>): Promise<string> {
    const { status, text } = await world.ask(node, '/fastly-stores.wasm', { headers });
    return status === 200 ? text : `${status} ${text}`;
  }

  const colourOn = (node: Node): Promise<string> =>
    fastly(node, { op: 'c', store: 'settings', key: 'colour' });

  async function colourIs(text: string): Promise<void> {
    for (const node of world.nodes) await expect.poll(() => colourOn(node), patient).toBe(text);
  }

  test('what a fastly.toml and its files say in one copy holds on all', async () => {
    const settings = (colour: string): Readonly<Record<string, string>> => ({
      'data/settings.json': `{"colour":"${colour}"}`,
    });
    arrive(a, 1, { 'fastly.toml': toml, ...settings('red'), 'data/word.txt': 'sesame' });
    await colourIs('00red');
    expect(await fastly(b, { op: 's', store: 'vault', key: 'word' })).toBe('00sesame');
    expect(await fastly(b, { op: 'g', store: 'notes', key: 'seed' })).toBe('01planted');
    // Nobody gets what it names, also where the copy has it by another name alone.
    expect((await world.ask(b, '/data/word.txt')).status).toBeGreaterThanOrEqual(400);
    arrive(a, 2, settings('blue'));
    await colourIs('00blue');
    // The other copy comes late, and in pieces: the old version, without its files at first.
    arrive(b, 1, { 'fastly.toml': toml });
    await colourIs('00blue');
    arrive(b, 1, { ...settings('red'), 'data/word.txt': 'sesame' });
    await world.restart(b, 'SIGTERM');
    await colourIs('00blue');
    arrive(b, 2, settings('blue'));
    await colourIs('00blue');
    rmSync(b.mount.path(`${folder}/fastly.toml`));
    await colourIs('30');
    rmSync(a.mount.path(`${folder}/fastly.toml`));
    arrive(b, 59, { 'fastly.toml': toml });
    await colourIs('00blue');
  });

  test('nothing of its secrets lies in the servers for who has no key', async () => {
    const store = openNatsStore(settingsOf(world.servers.urls, { name: 'main', shards: 2 }));
    const found: string[] = [];
    for await (const { digest } of store.blobs.list()) {
      found.push(Buffer.from((await store.blobs.get(digest)) ?? '').toString('latin1'));
    }
    await store.close();
    expect(found.length).toBeGreaterThan(2);
    for (const word of ['sesame', Buffer.from('sesame').toString('base64'), 'local_server']) {
      expect(found.filter((text) => text.includes(word))).toEqual([]);
    }
  });

  test('each kind is told of a store that is away as its interface says', async () => {
    const put = { op: 'p', store: 'notes', key: 'k', value: 'v' };
    const look = { op: 'g', store: 'notes', key: 'never read' };
    const names = Object.keys(components);
    const texts = (): Promise<readonly string[]> =>
      Promise.all(names.map(async (name) => (await world.ask(b, `/${name}`)).text));
    // Spin 3 is told by the same code as Spin 2; this program ends where it is told of an error.
    const spin3 = async (): Promise<number> => (await world.ask(b, '/spin3.wasm')).status;
    await expect.poll(texts, patient).toEqual(names.map(() => '+'));
    await expect.poll(() => spin3(), patient).toBe(200);
    expect(await fastly(b, put)).toBe('01');
    await world.servers.signal(0, 'SIGSTOP');
    // kv_error 6 is "internal error" (fastly-shared.h); wasi and Spin have a case for all else.
    expect(await fastly(b, put)).toMatch(/^.6/);
    expect(await fastly(b, look)).toMatch(/^.6/);
    const [draft, draft2, spin] = await texts();
    // The first ones wait, then nobody does.
    const words = /must answer within 1 s: received nothing|has not answered lately/;
    for (const told of [draft, draft2, spin]) expect(told).toMatch(words);
    expect([draft?.slice(0, 2), draft2?.slice(0, 2), spin?.slice(0, 2)]).toEqual([
      '!2',
      '!2',
      '!3',
    ]);
    expect(await spin3()).toBe(500);
    const reply = await world.ask(b, '/kv.wasm/insert?a=1');
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '5']);
    await world.servers.signal(0, 'SIGCONT');
    await expect.poll(texts, patient).toEqual(names.map(() => '+'));
    await expect.poll(() => fastly(b, put), patient).toBe('01');
    await expect.poll(() => spin3(), patient).toBe(200);
  });
});
