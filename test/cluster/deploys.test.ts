/** Deploys where copies of a folder arrive at different times. */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { askAdmin, socketOf } from '../support/admin.ts';
import { guestBytes, padded } from '../support/folder.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { expectWithin, marks, spreadOf } from './times.ts';
import { ClusterWorld, folder, type Node } from './world.ts';

const path = `${folder}/v.wasm`;
const folderKey = `/keybase/${folder}`;
/** From the first node that has something to the last. */
const spreadMsMax = 2_000;

describe.skipIf(natsProgram === undefined)('three copies of one folder', () => {
  let world: ClusterWorld;
  let nextName = 0;
  let file = path;
  let minute = 0;

  beforeAll(async () => {
    world = await ClusterWorld.open({ guests: ['hello'] });
    return () => world[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    nextName += 1;
    file = `${folder}/v${nextName}.wasm`;
    minute = 0;
  });

  afterEach(() => {
    for (const { mount } of world.nodes) rmSync(mount.path(file), { force: true });
  });

  /** Version `n` of the module: each answers with other text, or as another program. */
  function version(n: number): Uint8Array {
    return n % 2 === 0 ? padded(guestBytes('hello'), n) : padded(guestBytes('kv'), n);
  }

  /** The copy has it now; written when the owner wrote it. */
  function arrive(node: Node, n: number, writtenAt = timeOf(n)): void {
    writeFileSync(node.mount.path(file), version(n));
    utimesSync(node.mount.path(file), writtenAt, writtenAt);
  }

  function timeOf(n: number): Date {
    return new Date(Date.now() - 60_000 + n * 5_000 + minute * 1_000);
  }

  async function digestOn(node: Node): Promise<string> {
    const name = file.slice(folder.length + 1);
    const { status, headers } = await world.ask(node, `/${name}/get?x`);
    return `${status} ${headers['content-type'] ?? ''}`;
  }

  const served = {
    even: expect.stringMatching(/^200/),
    odd: expect.stringMatching(/^404 (?!text\/html)/),
  };

  async function servesOnAll(n: number): Promise<void> {
    const wanted = n % 2 === 0 ? served.even : served.odd;
    await Promise.all(
      world.nodes.map((node) =>
        expect.poll(() => digestOn(node), { timeout: 30_000 }).toEqual(wanted),
      ),
    );
  }

  /** The same, of what `act` does on one node: the others are no more than two seconds behind. */
  async function spreads(what: string, n: number, act: () => void): Promise<void> {
    const since = marks(world.nodes);
    act();
    await servesOnAll(n);
    const name = file.slice(folder.length);
    const spread = await spreadOf(
      world.nodes,
      since,
      ({ path: asked, status }) =>
        String(asked).startsWith(name) && status === (n % 2 === 0 ? 200 : 404),
    );
    expectWithin(what, spread, spreadMsMax);
  }

  test('a module that is in one copy alone serves on all; late copies change nothing', async () => {
    const [a, b, c] = [world.node(0), world.node(1), world.node(2)];
    arrive(a, 2);
    await servesOnAll(2);
    await spreads('a new version of one copy is on all nodes', 3, () => arrive(a, 3));
    // B gets the old version first, then the newest; C the newest.
    arrive(b, 2);
    await settled(b);
    await servesOnAll(3);
    arrive(b, 3);
    arrive(c, 3);
    await settled(c);
    await servesOnAll(3);
  });

  test('what the owner puts back serves again, also with its old time', async () => {
    const [a] = [world.node(0)];
    const first = timeOf(0);
    arrive(a, 2, first);
    await servesOnAll(2);
    arrive(a, 3);
    await servesOnAll(3);
    await spreads('what was put back is on all nodes', 2, () => arrive(a, 2, first));
  });

  test('what is deleted in one copy is gone on all, and stays gone', async () => {
    const [a, b] = [world.node(0), world.node(1)];
    arrive(a, 2);
    arrive(b, 2);
    await servesOnAll(2);
    await settled(b);
    rmSync(a.mount.path(file));
    for (const node of world.nodes) {
      await expect.poll(() => digestOn(node), { timeout: 30_000 }).toMatch(/^404/);
    }
    await settled(b);
    expect(await digestOn(b)).toMatch(/^404/);
  });

  test('a rollback on one holds on all, over a restart, until the next deploy', async () => {
    const [a, b, c] = [world.node(0), world.node(1), world.node(2)];
    arrive(a, 2);
    await servesOnAll(2);
    arrive(a, 3);
    await servesOnAll(3);
    const digest = createHash('sha256').update(version(2)).digest('hex');
    await world.command(c, 'rollback', `/keybase/${file}`, digest);
    await servesOnAll(2);
    await world.restart(a);
    await servesOnAll(2);
    // A copy that comes late ends nothing.
    arrive(b, 3);
    await settled(b);
    await servesOnAll(2);
    arrive(a, 5);
    await servesOnAll(5);
  });

  test('a new node with an empty folder serves all modules, and deletes nothing', async () => {
    const [a] = [world.node(0)];
    const index = `${folder}/app/index.wasm`;
    const route = '[[routes]]\npath = "/routed/*"\nmodule = "hello.wasm"\n';
    const rules = `${route}[site]\nversions_public = true\n`;
    const address = `/hello.wasm@${createHash('sha256').update(guestBytes('hello')).digest('hex')}`;
    const name = file.slice(folder.length);
    const there = [name, '/hello.wasm', address, '/routed/a', '/app/', '/app/a'];
    const statuses = (node: Node, asked: readonly string[]): Promise<readonly number[]> =>
      Promise.all(asked.map(async (each) => (await world.ask(node, each)).status));
    const good = there.map(() => 200);
    arrive(a, 2);
    writeFileSync(a.mount.path(`${folder}/terrafirma.toml`), rules);
    mkdirSync(a.mount.path(`${folder}/app`));
    writeFileSync(a.mount.path(index), guestBytes('hello'));
    await servesOnAll(2);
    await expect.poll(() => statuses(a, there), { timeout: 30_000 }).toEqual(good);
    const fresh = await world.addNode([]);
    mkdirSync(fresh.mount.path(folder), { recursive: true });
    // Its very first visitors wait until it has taken up what the others have.
    expect(await statuses(fresh, [...there, '/never.wasm'])).toEqual([...good, 404]);
    await servesOnAll(2);
    await settled(fresh);
    await servesOnAll(2);
  });

  test('no node ever serves what one copy alone shows late, until it is accepted', async () => {
    const [a, b] = [world.node(0), world.node(1)];
    const texts = ['version 1\n', 'version 2\n', 'hello\n'];
    const guests = ['v1', 'v2', 'hello'];
    const put = (node: Node, n: number): void => {
      writeFileSync(node.mount.path(file), guestBytes(guests[n - 1] ?? ''));
      utimesSync(node.mount.path(file), timeOf(n), timeOf(n));
    };
    const name = file.slice(folder.length + 1);
    const textOn = async (node: Node): Promise<string> => (await world.ask(node, `/${name}`)).text;
    const showsOnAll = async (n: number): Promise<void> => {
      for (const node of world.nodes) {
        await expect.poll(() => textOn(node), { timeout: 30_000 }).toContain(texts[n - 1]);
      }
    };
    put(a, 1);
    put(b, 1);
    await showsOnAll(1);
    await settled(b);
    put(a, 3);
    await showsOnAll(3);
    const seen = new Set<string>();
    let isOver = false;
    const watching = (async () => {
      while (!isOver) for (const node of world.nodes) seen.add(await textOn(node));
    })();
    put(b, 2);
    await settled(b);
    expect(await world.command(b, 'versions', `/keybase/${file}`)).toContain('terrafirma accept');
    isOver = true;
    await watching;
    expect([...seen].filter((text) => text.includes('version'))).toEqual([]);
    await world.command(b, 'accept', `/keybase/${file}`);
    await showsOnAll(2);
    put(b, 3);
    await showsOnAll(3);
  });

  test('who may read is the same on all, and no late copy opens what was closed', async () => {
    const [a, b] = [world.node(0), world.node(1)];
    const rules = `${folder}/.kbp_config`;
    const statuses = (): Promise<readonly number[]> =>
      Promise.all(world.nodes.map(async (node) => (await world.ask(node, '/hello.wasm')).status));
    const all = (status: number): readonly number[] => world.nodes.map(() => status);
    expect(await statuses()).toEqual(all(200));
    const since = marks(world.nodes);
    writeFileSync(a.mount.path(rules), '{"version":"v1","per_path_configs":{"/":{}}}');
    await expect.poll(statuses, { timeout: 30_000 }).toEqual(all(403));
    const spread = await spreadOf(world.nodes, since, ({ status }) => status === 403);
    expectWithin('what was closed in one copy is closed on all nodes', spread, spreadMsMax);
    await settled(b);
    expect(await statuses()).toEqual(all(403));
    await world.restart(b, 'SIGTERM');
    expect(await statuses()).toEqual(all(403));
    await settled(b);
    expect(await statuses()).toEqual(all(403));
    rmSync(a.mount.path(rules));
    await expect.poll(statuses, { timeout: 30_000 }).toEqual(all(200));
  });

  /** The node has looked at its copy twice since now. */
  async function settled(node: Node): Promise<void> {
    const mark = `mark-${Math.random().toString(36).slice(2)}`;
    for (const step of [1, 2]) {
      const name = `${mark}-${step}.wasm`;
      writeFileSync(node.mount.path(`${folder}/${name}`), padded(guestBytes('hello'), step));
      // Not by a visitor: the folder may be closed.
      const path = `/v1/folders/${encodeURIComponent(folderKey)}/modules/${name}`;
      const verdict = async (): Promise<unknown> =>
        (await askAdmin(socketOf(node.daemon), path)).json?.module?.verdict;
      await expect.poll(verdict, { timeout: 30_000 }).toBe('serving');
      rmSync(node.mount.path(`${folder}/${name}`));
    }
  }
});
