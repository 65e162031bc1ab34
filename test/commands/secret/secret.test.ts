import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localFolderKey } from '../../../src/names.ts';
import { keyIdOf, makeKeyPair, parseSealed } from '../../../src/outside/secrets/sealed.ts';
import { SealingKeys } from '../../../src/outside/secrets/sealing-keys.ts';
import { Scratch } from '../../deploy/world.ts';
import { runProgram } from '../program.ts';

const lineOf = (stdout: string) => /^(\S+) = "(sealed:v1:[^"]+)"\n$/.exec(stdout);

describe('terrafirma secret', () => {
  let scratch: Scratch;
  beforeAll(() => {
    scratch = new Scratch();
  });
  afterAll(() => scratch[Symbol.dispose]());

  const secret = (args: readonly string[], input = 'hunter2\n') =>
    runProgram(['secret', ...args, '--state', scratch.path('state')], { input });

  test('seals what it reads, for this machine’s daemon', async () => {
    const place = ['--folder', '/keybase/private/bot,alice/site', '--module', 'a.wasm'];
    const end = await secret(['seal', 'API_KEY', ...place]);
    expect(end.stderr).toContain(
      'Opens only in the terrafirma.toml of /keybase/private/alice,bot/site, ' +
        'in ["a.wasm".secrets], as API_KEY',
    );
    const [, name, text] = lineOf(end.stdout) ?? [];
    expect(name).toBe('API_KEY');
    const opened = await new SealingKeys(scratch.path('state')).open(text ?? '', {
      folderKey: '/keybase/private/alice,bot/site',
      modulePath: 'a.wasm',
      store: undefined,
      name: 'API_KEY',
    });
    expect(Buffer.from(opened).toString()).toBe('hunter2');
  });

  test('a folder of this machine is named by its path', async () => {
    const end = await secret(['seal', 'a.b', '--folder', scratch.directory, '--store', 'vault']);
    const folderKey = localFolderKey(scratch.directory);
    expect(end.stderr).toContain(`${folderKey}, in [secrets.vault], as a.b`);
    expect(end.stdout).toMatch(/^"a\.b" = "sealed:v1:/);
  });

  test('adds keys and retires old ones', async () => {
    const first = await secret(['key']);
    const second = await secret(['rotate']);
    expect(second.stdout).not.toBe(first.stdout);
    expect((await secret(['key'])).stdout).toBe(second.stdout);
    const id = keyIdOf(Buffer.from(second.stdout.trim(), 'base64url'));
    expect(second.stderr).toContain(`Fingerprint: ${id}`);
    await secret(['rotate', '--retire']);
    expect(parseSealed(`sealed:v1:${id}:${'A'.repeat(80)}`)?.keyId).toBe(id);
    const keys = new SealingKeys(scratch.path('state'));
    const place = { folderKey: '/a', modulePath: undefined, store: undefined, name: 'A' };
    expect(await keys.open(`sealed:v1:${id}:${'A'.repeat(80)}`, place)).toBe('unknown-key');
  });

  test('asks a daemon for its key, and for the folder that it serves', async () => {
    const { publicKey } = await makeKeyPair();
    let answer = JSON.stringify({
      version: 1,
      publicKey: Buffer.from(publicKey).toString('base64url'),
      folder: '/keybase/public/alice',
    });
    const server = createServer((request, reply) => {
      if (request.url === '/.well-known/terrafirma-sealing-key') reply.end(answer);
      else reply.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const to = ['--to', `http://127.0.0.1:${port}/`];
    const end = await secret(['seal', 'KEY', ...to]);
    expect(end.stderr).toContain('of /keybase/public/alice, in [secrets], as KEY');
    expect(parseSealed(lineOf(end.stdout)?.[2] ?? '')?.keyId).toBe(keyIdOf(publicKey));
    for (const [text, fault] of [
      ['{}', 'it answers with something else'],
      ['x'.repeat(20_000), 'it answers with over 16384 bytes'],
    ] as const) {
      answer = text;
      const refused = await secret(['seal', 'KEY', ...to]);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(fault);
    }
    server.close();
  });

  test.each([
    [['lock', 'A'], 'must be one of seal, rotate, key'],
    [['seal'], 'seal needs the name of the secret'],
    [['seal', 'A B', '--folder', '/keybase/public/a'], 'seal needs the name of the secret'],
    [['seal', 'A'], 'seal needs --folder'],
    [['seal', 'A', '--folder', 'nowhere'], '--folder must be a folder of a TXT record'],
    [['seal', 'A', '--folder', '/', '--module', '../a'], '--module must be the path of a module'],
    [['seal', 'A', '--folder', '/', '--store', 'a b'], '--store must be a name of letters'],
    [
      ['seal', 'A', '--folder', '/', '--store', 's', '--module', 'a.wasm'],
      'a module’s own secrets are in no store',
    ],
    [['key', 'A'], 'key takes no name'],
    [['seal', 'A', '--to', 'http://example.com'], '--to must be a host name, or an https: URL'],
  ])('%j is refused', async (args, fault) => {
    const end = await secret(args);
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(end.stderr).toContain(fault);
  });

  test.each(['', 'x'.repeat(8 * 1024 + 1)])('a value must have from 1 to 8 KiB', async (input) => {
    const end = await secret(['seal', 'A', '--folder', scratch.directory], input);
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(end.stderr).toContain('a value must have from 1 to 8192 bytes');
  });
});
