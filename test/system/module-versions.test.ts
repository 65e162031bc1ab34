/** Kept versions of modules have addresses where the folder says so. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { placeGuest } from '../support/cgi-guests.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { FunctionStage } from '../support/function-stage.ts';
import { ask } from '../support/http.ts';

describe('versions', () => {
  const toml = '[site]\nversions_public = true';
  const digestOf = async (stage: FunctionStage, path = '/app.wasm'): Promise<string> =>
    String((await stage.ask(path)).headers['x-terrafirma-version']);

  async function deployTwice(
    stage: FunctionStage,
  ): Promise<readonly [older: string, newer: string]> {
    const older = await waitFor(async () => {
      const { headers } = await stage.ask('/app.wasm');
      return headers['x-terrafirma-version'] as string | undefined;
    });
    stage.folder.write('app.wasm', await placeGuest('newer'));
    await waitFor(async () => ((await digestOf(stage)) === older ? undefined : true));
    return [older, await digestOf(stage)];
  }

  test('have addresses, and answers name theirs', async () => {
    await using stage = await FunctionStage.open({
      'app.wasm': await placeGuest('older'),
      'terrafirma.toml': toml,
    });
    const [older, newer] = await deployTwice(stage);
    expect(older).toMatch(/^[0-9a-f]{64}$/);
    for (const [label, digest] of [
      ['older', older],
      ['newer', newer],
    ] as const) {
      for (const digits of [digest.slice(0, 8), digest]) {
        const address = `/app.wasm@${digits}`;
        expect(await stage.place(`${address}/x?y`)).toBe(`${label} GET ${address} /x`);
        expect(await digestOf(stage, address)).toBe(digest);
      }
    }
    expect(await stage.place('/app.wasm/x')).toBe('newer GET /app.wasm /x');
    expect(await stage.place('/app.wasm@00000000')).toBe('404');
    expect(await stage.place(`/app.wasm@${older.slice(0, 7)}`)).toBe('404');
    const line = await stage.daemon.waitForLog((each) =>
      String(each.path).startsWith(`/app.wasm@${older.slice(0, 8)}`),
    );
    expect(line).toMatchObject({ modulePath: 'app.wasm', digest: older });
  });

  test('have none unless the folder says so, and nobody learns which there are', async () => {
    await using stage = await FunctionStage.open({
      'app.wasm': await placeGuest('older'),
      'terrafirma.toml': toml,
    });
    const [older] = await deployTwice(stage);
    stage.folder.write('terrafirma.toml', '# nothing');
    await waitFor(async () => ((await digestOf(stage)) === 'undefined' ? true : undefined));
    expect(await stage.place(`/app.wasm@${older}`)).toBe('404');
  });

  test('do not run while they are quarantined', async () => {
    using folder = new TestFolder();
    folder.write('app.wasm', await placeGuest('older'));
    folder.write('terrafirma.toml', toml);
    const args = [folder.directory];
    await using first = await TestDaemon.start({ args, threads: 1 });
    const digestNow = async (): Promise<string | undefined> => {
      const { headers } = await ask(first.port, '/app.wasm');
      return headers['x-terrafirma-version'] as string | undefined;
    };
    const older = await waitFor(digestNow);
    folder.write('app.wasm', await placeGuest('newer'));
    await waitFor(async () => ((await digestNow()) === older ? undefined : true));
    expect((await ask(first.port, `/app.wasm@${older}`)).status).toBe(200);
    await first.stop();
    const { stateDirectory } = first;
    mkdirSync(join(stateDirectory, 'suspects'), { recursive: true });
    const mark = JSON.stringify({ format: 1, marks: 2 });
    writeFileSync(join(stateDirectory, 'suspects', `${older}.json`), mark);
    await using second = await TestDaemon.start({ args, threads: 1, stateDirectory });
    expect((await ask(second.port, '/app.wasm')).status).toBe(200);

    expect((await ask(second.port, `/app.wasm@${older}`)).status).toBe(502);
  });

  test('are as private as the module', async () => {
    await using stage = await FunctionStage.open({
      'app.wasm': await placeGuest('app'),
      'terrafirma.toml': toml,
      '.kbp_config': JSON.stringify({
        version: 'v1',
        per_path_configs: { '/': { anonymous_permissions: 'read' }, '/app.wasm': {} },
      }),
    });
    expect(await stage.place('/app.wasm')).toBe('403');
    expect(await stage.place('/app.wasm@3f5a9c1d')).toBe('403');
  });
});
