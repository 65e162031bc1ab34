/** `terrafirma cluster`, as an operator types it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockState } from '../../src/outside/state/lock.ts';
import { type ProgramEnd, runProgram } from '../commands/program.ts';
import { NatsServers, natsProgram } from '../support/nats-servers.ts';

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

  test('refuses what it cannot do', async () => {
    const { code, stderr } = await cluster('stat');
    expect([code, stderr]).toEqual([2, expect.stringContaining('received "stat"')]);
  });
});
