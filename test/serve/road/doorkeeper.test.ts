import { afterEach, describe, expect, test } from 'vitest';
import { type FolderKey, ownerOf, parseRequestPath } from '../../../src/names.ts';
import { Doorkeeper } from '../../../src/serve/road/doorkeeper.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import type { Site } from '../../../src/site/table.ts';
import { ControlLink } from '../../../src/threads/control-link.ts';
import type { LoginQuestion, ToControl } from '../../../src/threads/messages.ts';
import { askHttp1 } from '../../support/tls-client.ts';
import { listenSecurely, type SecureListener } from '../../support/tls-listener.ts';

/** One is slow to check, the other quick. */
const HASHES = [`$2a$12$${'a'.repeat(53)}`, `sha256:${'0'.repeat(24)}:${'1'.repeat(64)}`];

const manifest = parseManifest(
  Buffer.from(
    JSON.stringify({
      version: 'v1',
      users: { alice: HASHES[0], bob: HASHES[1] },
      per_path_configs: { '/': { whitelist_additional_permissions: { alice: 'read' } } },
    }),
  ),
  10_000,
);

const site: Site = {
  folderKey: '/folder' as FolderKey,
  owner: ownerOf('/folder' as FolderKey),
  directory: '/nowhere',
  mountDirectory: '/nowhere',
  generation: 1,
  manifest,
  failure: undefined,
  modules: new Map(),
};

describe('a doorkeeper', () => {
  let running: SecureListener;
  const asked: LoginQuestion[] = [];

  afterEach(async () => {
    asked.length = 0;
    await running[Symbol.asyncDispose]();
  });

  /** Every password is wrong. */
  async function listen(): Promise<void> {
    const link: ControlLink = new ControlLink(
      {
        postMessage: (message: ToControl) => {
          if (message.kind !== 'question' || message.question.ask !== 'login') return;
          asked.push(message.question);
          setImmediate(() => link.receive({ kind: 'answer', id: message.id, value: false }));
        },
      },
      { verdictWaitMs: 5_000, onNews: () => undefined },
    );
    const doorkeeper = new Doorkeeper({ limits: { loginTtlMs: 60_000 }, link, nowMs: () => 0 });
    running = await listenSecurely({}, async (exchange) => {
      await doorkeeper.check(exchange, site, parseRequestPath(exchange.request.target));
      exchange.send({ status: 200, headers: [] }, Buffer.from('in'));
    });
  }

  async function login(user: string, password: string): Promise<number> {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const options = { serverName: 'site.test', ca: running.ca, headers: { authorization } };
    return (await askHttp1(running.port, '/', options)).status;
  }

  test('checks one of the hashes for a user that does not exist, always the same', async () => {
    await listen();
    const names = Array.from({ length: 20 }, (_, n) => `nobody${n}`);
    for (const name of names) expect(await login(name, 'x')).toBe(401);
    const first = asked.map((question) => question.hash.kind);
    expect(new Set(first)).toEqual(new Set(['bcrypt', 'sha256']));
    asked.length = 0;
    for (const name of names) await login(name, 'y');
    expect(asked.map((question) => question.hash.kind)).toEqual(first);
  });

  test('remembers a wrong password for the user who gave it, not for others', async () => {
    await listen();
    for (const user of ['alice', 'alice', 'nobody', 'bob', 'bob', 'nobody']) {
      expect(await login(user, 'same')).toBe(401);
    }
    expect(asked).toHaveLength(3);
  });
});
