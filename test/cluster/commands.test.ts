/** `terrafirma cluster`, as an operator types it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FolderTexts, siteSpace, textKey } from '../../src/deploy/common/folder-texts.ts';
import type { FolderKey } from '../../src/names.ts';
import { lockState } from '../../src/outside/state/lock.ts';
import { SealingStore } from '../../src/outside/store/sealing-store.ts';
import { type ProgramEnd, runProgram } from '../commands/program.ts';
import { openNatsStore, settingsOf } from '../outside/store/nats/world.ts';
import { NatsServers, natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld } from './world.ts';

describe.skipIf(natsProgram === undefined)('terrafirma cluster status', () => {
  test('tells at once that a server is dead', async () => {
    await using world = await ClusterWorld.open({ nodes: 1, guests: [] });
    const node = world.node(0);
    await expect
      .poll(() => world.command(node, 'cluster', 'status').catch(String), { timeout: 60_000 })
      .toMatch(/^node node-1, since /m);
    await world.servers.signal(2, 'SIGKILL');
    const [, , url] = world.servers.monitorUrls;
    const { code, stdout } = await runProgram(
      ['cluster', 'status', '--state', node.state.directory],
      { environment: world.environment(node) },
    );
    expect(code).toBe(1);
    expect(stdout).toContain(`the server at ${url} does not answer`);
    expect(stdout).toContain('not well: servers or copies are missing or behind');
    // An end on purpose is none of the store's faults.
    await node.daemon.stop('SIGTERM');
    const events = node.daemon.log.map(({ event }) => event);
    expect(events).toContain('stopped');
    expect(events).not.toContain('cluster-refused');
  });
});

describe.skipIf(natsProgram === undefined)('terrafirma cluster', () => {
  const state = mkdtempSync(path.join(tmpdir(), 'terrafirma-cluster-commands-'));
  let servers: NatsServers;

  beforeAll(async () => {
    servers = await NatsServers.start({ count: 1 });
    const key = ['/local/site/visits.wasm', 'visits', '7'];
    const put = await runProgram(['kv', 'put', ...key, '--state', state]);
    expect(put).toMatchObject({ code: 0, stderr: '' });
  });

  afterAll(async () => {
    await servers?.close();
    rmSync(state, { recursive: true, force: true });
  });

  function cluster(action: string): Promise<ProgramEnd> {
    return runProgram(['cluster', action, '--state', state], {
      environment: {
        TERRAFIRMA_CLUSTER_SERVERS: servers.urls.join(','),
        TERRAFIRMA_CLUSTER_REPLICAS: '1',
      },
    });
  }

  test('begins with a machine that was alone, and shows what is there', async () => {
    const early = await cluster('status');
    expect(early.code).toBe(2);
    expect(early.stderr).toMatch(/must be there: start a daemon, or run .* import": received none/);

    const lock = lockState(state);
    try {
      const refused = await cluster('import');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('another daemon uses the state directory');
    } finally {
      lock.release();
    }

    const first = await cluster('import');
    expect(first.code).toBe(0);
    expect(first.stdout).toBe('1 entries of 1 stores imported; 0 were there already\n');
    expect(first.stderr).toContain('cluster.seal_key_file is not set');
    const again = await cluster('import');
    expect(again.stdout).toBe('0 entries of 1 stores imported; 1 were there already\n');

    const status = await cluster('status');
    expect([status.code, status.stderr]).toEqual([0, '']);
    expect(status.stdout).toMatch(/^installation main, by way of 127\.0\.0\.1:\d+$/m);
    expect(status.stdout).toMatch(/^stream TF_main_CTL: .* 1 whole copies$/m);
    expect(status.stdout).toMatch(/^no node is there$/m);
  });

  test('sets a secret and a config value for a folder on all nodes', async () => {
    const sealKeyFile = path.join(state, 'seal.key');
    writeFileSync(sealKeyFile, `${'5a'.repeat(32)}\n`);
    const environment = {
      TERRAFIRMA_CLUSTER_SERVERS: servers.urls.join(','),
      TERRAFIRMA_CLUSTER_REPLICAS: '1',
    };
    const sealing = { ...environment, TERRAFIRMA_CLUSTER_SEAL_KEY_FILE: sealKeyFile };
    const folder = ['--folder', '/keybase/public/alice', '--state', state];
    const secret = (args: readonly string[], more: object = sealing): Promise<ProgramEnd> =>
      runProgram(['secret', ...args, ...folder], {
        environment: more as typeof sealing,
        input: 'geheim',
      });
    const early = await secret(['set', 'KEY'], environment);
    expect([early.code, early.stderr]).toEqual([2, expect.stringContaining('seal_key_file')]);
    expect(await secret(['set', 'KEY', '--store', 'vault'])).toMatchObject({ code: 0, stderr: '' });
    expect(await secret(['set', 'NAME', '--plain'])).toMatchObject({ code: 0, stderr: '' });

    const stores = openNatsStore(settingsOf(servers.urls, { name: 'main', shards: 4 }));
    const folderKey = '/keybase/public/alice' as FolderKey;
    const sealed = new SealingStore(stores, [Buffer.from('5a'.repeat(32), 'hex')]);
    const [raw] = await stores.read(siteSpace(folderKey), [textKey('secret', 'vault', 'KEY')]);
    expect(Buffer.from(raw?.value ?? '').toString('latin1')).not.toContain('geheim');
    let changes = 0;
    const texts = new FolderTexts({
      ...{ folderKey, stores: { secret: sealed, config: stores } },
      onChange: () => {
        changes += 1;
      },
      onTrouble: (error) => {
        throw error;
      },
    });
    await expect.poll(() => changes).toBe(1);
    const { configStores, secretStores } = texts.current;
    expect(secretStores).toEqual(new Map([['vault', new Map([['KEY', 'geheim']])]]));
    expect(configStores).toEqual(new Map([['default', new Map([['NAME', 'geheim']])]]));
    expect(await secret(['unset', 'KEY', '--store', 'vault'])).toMatchObject({ code: 0 });
    await expect.poll(() => texts.current.secretStores.size).toBe(0);
    texts.close();
    await stores.close();
  });

  test('refuses what it cannot do', async () => {
    const { code, stderr } = await cluster('stat');
    expect([code, stderr]).toEqual([2, expect.stringContaining('received "stat"')]);
  });
});
