/** The control plane's answers about names, with a real DNS server, real folders and publisher. */
import { mkdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultDns, defaultLimits } from '../../src/config/config.ts';
import { type AnswersOptions, ControlAnswers } from '../../src/daemon/answers.ts';
import { TerrafirmaError } from '../../src/errors.ts';
import { type FolderKey, type HostName, parseHostName } from '../../src/names.ts';
import { Resolver } from '../../src/outside/dns/dns.ts';
import { Locator } from '../../src/outside/mount/locate.ts';
import { MountGuards } from '../../src/outside/mount/mount-guards.ts';
import { HostRules } from '../../src/site/hosts.ts';
import type { SiteAnswer } from '../../src/threads/messages.ts';
import { Scratch, until, World } from '../deploy/world.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { TestFolder } from '../support/folder.ts';

const NAME = parseHostName('site.test');
const RECORD = '_keybase_pages.site.test';
const PATH = 'kbp=/keybase/public/alice';
const KEY = '/keybase/public/alice' as FolderKey;
const HOUR_MS = 3_600_000;

let dns: DnsServer;
let scratch: Scratch;
let folder: TestFolder;
let world: World;
let nowMs: number;
let served: [HostName, FolderKey][];

beforeEach(async () => {
  dns = await startDnsServer({ [RECORD]: { txt: [PATH], ttlS: 20 } });
  scratch = new Scratch();
  mkdirSync(scratch.path('kb', 'public', 'alice'), { recursive: true });
  folder = new TestFolder(scratch.path('kb', 'public'));
  world = await World.open({ stateDirectory: scratch.path('state') });
  nowMs = 1_000_000;
  served = [];
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await dns.close();
  folder[Symbol.dispose]();
  scratch[Symbol.dispose]();
});

function notAsked(): never {
  throw new Error('nobody should ask for this');
}

function openAnswers(options: Partial<AnswersOptions> = {}): ControlAnswers {
  const guards = new MountGuards(defaultLimits);
  const mount = { prefix: '/keybase', directory: scratch.path('kb'), watch: 'poll' } as const;
  const limits = { ...defaultLimits, dnsTimeoutMs: 5_000, dnsAttemptsMax: 1 };
  return new ControlAnswers({
    ...{
      config: { limits },
      panelName: undefined,
      folder: undefined,
      guards,
      publisher: world.publisher,
    },
    resolver: new Resolver({
      ...{ dns: { ...defaultDns, servers: [dns] }, limits },
      nowMs: () => nowMs,
    }),
    locator: new Locator({ mounts: [mount], botUser: undefined, guards }),
    hostRules: rulesOf({}),
    logins: { check: notAsked },
    sealingKeys: { newest: notAsked },
    compressor: { compress: notAsked },
    capabilities: { answer: notAsked },
    certificates: () => undefined,
    checkBans: () => undefined,
    nowMs: () => nowMs,
    onServed: (hostName, folderKey) => served.push([hostName, folderKey]),
    ...options,
  });
}

function rulesOf(hosts: { denied?: readonly string[]; deniedFolders?: readonly string[] }) {
  return new HostRules({
    ...{ allowed: [], denied: [], allowedFolders: [], deniedFolders: [] },
    ...{ requireFolderConsent: false, reservedName: undefined, ...hosts },
  });
}

async function ask(answers: ControlAnswers, hostName: HostName | undefined = NAME) {
  return (await answers.answer({ ask: 'site', hostName })) as SiteAnswer;
}

describe('a name', () => {
  test('leads to the site of its folder, for as long as its record holds', async () => {
    const answer = await ask(openAnswers());
    expect(answer).toMatchObject({ kind: 'site', expiresInMs: 20_000 });
    expect(answer).toMatchObject({ site: { folderKey: KEY, failure: undefined } });
    expect(served).toEqual([[NAME, KEY]]);
  });

  test('never holds longer than a minute', async () => {
    dns.table.set(RECORD, { txt: [PATH], ttlS: 86_400 });
    expect(await ask(openAnswers())).toMatchObject({ kind: 'site', expiresInMs: 60_000 });
  });

  test.each([
    ['no-record', { rcode: 'nxdomain' }],
    ['bad-record', { txt: ['kbp=nowhere'] }],
    ['folder-not-found', { txt: ['kbp=/keybase/public/bob'] }],
    ['folder-not-found', { txt: ['kbp=/elsewhere/public/alice'] }],
  ] as const)('without a folder is answered with %s', async (code, entry) => {
    dns.table.set(RECORD, entry);
    expect(await ask(openAnswers())).toMatchObject({ kind: 'failure', error: { code } });
    expect(served).toEqual([]);
  });

  test('that the operator denies is not looked up', async () => {
    const answers = openAnswers({ hostRules: rulesOf({ denied: ['*.test'] }) });
    expect(await ask(answers)).toMatchObject({ kind: 'failure', error: { code: 'host-denied' } });
    expect(dns.queries).toEqual([]);
  });

  test('of a folder that the operator denies is not served', async () => {
    const answers = openAnswers({ hostRules: rulesOf({ deniedFolders: ['/keybase/public'] }) });
    expect(await ask(answers)).toMatchObject({ kind: 'failure', error: { code: 'host-denied' } });
  });

  test('must be one outside of folder mode', async () => {
    const answers = openAnswers();
    const answer = await answers.answer({ ask: 'site', hostName: undefined });
    expect(answer).toMatchObject({ kind: 'failure', error: { code: 'bad-host' } });
  });
});

describe('a record that cannot be looked up', () => {
  async function fail(answers: ControlAnswers, afterMs: number): Promise<SiteAnswer> {
    await ask(answers);
    nowMs += afterMs;
    dns.table.set(RECORD, { rcode: 'servfail' });
    dns.table.set('_keybasepages.site.test', { rcode: 'servfail' });
    return ask(answers);
  }

  test('is what it was last, for an hour', async () => {
    const answers = openAnswers();
    expect(await fail(answers, HOUR_MS - 1)).toMatchObject({ kind: 'site', expiresInMs: 5_000 });
  });

  test('is none after that', async () => {
    expect(await fail(openAnswers(), HOUR_MS)).toMatchObject({ kind: 'failure' });
  });

  test('is none once it was taken away', async () => {
    const answers = openAnswers();
    await ask(answers);
    nowMs += 30_000;
    dns.table.set(RECORD, { rcode: 'nxdomain' });
    await ask(answers);
    nowMs += HOUR_MS / 2;
    dns.table.set(RECORD, { rcode: 'servfail' });
    dns.table.set('_keybasepages.site.test', { rcode: 'servfail' });
    expect(await ask(answers)).toMatchObject({ kind: 'failure' });
  });
});

describe('a folder whose mount is away', () => {
  test('is served from what was kept of it', async () => {
    const answers = openAnswers();
    expect(await ask(answers)).toMatchObject({ kind: 'site' });
    rmSync(scratch.path('kb'), { recursive: true });
    await until(async () => {
      const answer = await ask(answers);
      return answer.kind === 'site' && answer.expiresInMs === 5_000;
    });
  });

  test('is located once, and again when it could not be read', async () => {
    const guards = new MountGuards(defaultLimits);
    const mount = { prefix: '/keybase', directory: scratch.path('kb'), watch: 'poll' } as const;
    const locator = new Locator({ mounts: [mount], botUser: undefined, guards });
    let count = 0;
    const locate = locator.locate.bind(locator);
    locator.locate = (path) => {
      count += 1;
      return locate(path);
    };
    const answers = openAnswers({ locator });
    for (const _ of [1, 2, 3]) expect(await ask(answers)).toMatchObject({ kind: 'site' });
    expect(count).toBe(1);
    rmSync(scratch.path('kb', 'public', 'alice'), { recursive: true });
    await until(async () => (await ask(answers)).kind === 'failure');
    expect(count).toBeGreaterThan(1);
  });

  test('is unreachable where nothing was', async () => {
    rmSync(scratch.path('kb'), { recursive: true });
    expect(await ask(openAnswers())).toMatchObject({
      kind: 'failure',
      error: { code: 'folder-unreachable' },
    });
  });
});

describe('servedName()', () => {
  test('says whose a name is that has something to serve', async () => {
    const answers = openAnswers();
    await expect(answers.servedName(NAME)).rejects.toMatchObject({ code: 'folder-not-found' });
    const own = new TestFolder(scratch.path('kb', 'public', 'alice'));
    own.write('../index.html', 'hello');
    expect(await answers.servedName(NAME)).toEqual({ folderKey: KEY, isListed: false });
  });

  test('rejects with why a name is not served', async () => {
    dns.table.set(RECORD, { rcode: 'nxdomain' });
    await expect(openAnswers().servedName(NAME)).rejects.toMatchObject({ code: 'no-record' });
  });
});

test('what is asked about certificates without TLS is refused', () => {
  const answers = openAnswers();
  expect(() => answers.answer({ ask: 'certificate', hostName: NAME })).toThrow(TerrafirmaError);
});

test('the folder of folder mode answers for every name', async () => {
  const mount = { prefix: '/local', directory: folder.directory, watch: 'poll' } as const;
  const located = { key: '/local/x' as FolderKey, directory: folder.directory, mount };
  const answer = await ask(openAnswers({ folder: located }), undefined);
  expect(answer).toMatchObject({ kind: 'site', site: { folderKey: '/local/x' } });
  expect(dns.queries).toEqual([]);
});
