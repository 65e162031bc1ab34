/** The request road from inside: real connections, files and replica; what runs do is said here. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { ErrorRecord } from '../../../src/errors.ts';
import type { RequestRecord } from '../../../src/journal/request-record.ts';
import { type Digest, type FolderKey, type ModulePath, ownerOf } from '../../../src/names.ts';
import { MountGuards } from '../../../src/outside/mount/mount-guards.ts';
import { Chains } from '../../../src/serve/chain/chains.ts';
import { systemClocks } from '../../../src/serve/clocks.ts';
import type { HttpExchange } from '../../../src/serve/exchange.ts';
import { Listener } from '../../../src/serve/listener.ts';
import { Bans } from '../../../src/serve/road/bans.ts';
import { Doorkeeper } from '../../../src/serve/road/doorkeeper.ts';
import { Failures } from '../../../src/serve/road/failures.ts';
import { StaticFiles } from '../../../src/serve/road/files.ts';
import { Gateway } from '../../../src/serve/road/gateway.ts';
import type { ModuleRuns } from '../../../src/serve/road/module-runs.ts';
import { Replica } from '../../../src/serve/road/replica.ts';
import { SealingKeyDoor } from '../../../src/serve/road/sealing-key.ts';
import { SiteRoad } from '../../../src/serve/road/site-road.ts';
import { noBans } from '../../../src/site/bans.ts';
import { HostRules } from '../../../src/site/hosts.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import type { Site } from '../../../src/site/table.ts';
import { ControlLink } from '../../../src/threads/control-link.ts';
import type { SiteAnswer, ToControl } from '../../../src/threads/messages.ts';
import { waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';
import { ask, sendRaw } from '../../support/http.ts';

const FOLDER = '/keybase/public/alice' as FolderKey;
const TRAPPED: ErrorRecord = { code: 'guest-trapped', detail: 'it trapped' };

type Run = (exchange: HttpExchange) => Promise<ErrorRecord | undefined>;

const open: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

interface World {
  readonly account: Account;
  readonly port: number;
  readonly records: readonly RequestRecord[];
  readonly folder: TestFolder;
}

interface Plan {
  readonly settings?: string;
  readonly run?: Run;
  /** In place of the folder's site. */
  readonly answer?: (site: Site) => SiteAnswer;
}

/** `run` is done for every module that is asked for; the one module is `m.wasm`. */
async function openRoad({ answer = serving, run = reply, settings = '' }: Plan): Promise<World> {
  const folder = new TestFolder();
  const site: Site = {
    ...{ folderKey: FOLDER, owner: ownerOf(FOLDER), generation: 1, failure: undefined },
    ...{ directory: folder.directory, mountDirectory: folder.directory },
    manifest: parseManifest(undefined, 1_000),
    settings: parseSettings(Buffer.from(settings), 10_000),
    modules: new Map([
      ['m.wasm' as ModulePath, { kind: 'serving', digest: 'd' as Digest, abi: 'terrarium' }],
    ]),
  };
  const link: ControlLink = new ControlLink(
    { postMessage: (message: ToControl) => setImmediate(() => tell(message)) },
    { verdictWaitMs: 60_000, onNews: () => undefined },
  );
  const tell = (message: ToControl): void => {
    if (message.kind !== 'question') return;
    const { ask: what } = message.question;
    const value = what === 'site' ? answer(site) : site;
    link.receive({ kind: 'answer', id: message.id, value });
  };
  const limits = { ...defaultLimits, bodyIdleTimeoutMs: 500 };
  const { nowMs, wallMs } = systemClocks;
  const shared = createSharedAccount({ threads: 1, bytesMax: 1e9, memoriesMax: 10 });
  const replica = new Replica({
    ...{ limits, link },
    ...{ onModule: () => undefined, onRenewed: () => undefined },
  });
  const guards = new MountGuards(limits);
  const files = new StaticFiles({ guards, link, wallMs, compressedBytesMax: 0, keptBytesMax: 0 });
  const records: RequestRecord[] = [];
  const isFolderMode = false;
  const failures = new Failures(files);
  const account = new Account(shared, 0);
  const runs: Pick<ModuleRuns, 'lend' | 'run'> = {
    lend: (act) => act(),
    run: async (visit) => {
      visit.failure = await run(visit.exchange);
    },
  };
  const gateway = new Gateway({
    notesVisitors: false,
    ...{ isFolderMode, replica, failures, nowMs, account },
    road: new SiteRoad({
      ...{ replica, files, runs },
      doorkeeper: new Doorkeeper({ limits, link, nowMs }),
      chains: new Chains({ replica, runs, failures, account, exchange: limits, limits }),
    }),
    sealingKey: new SealingKeyDoor({ link, isFolderMode, nowMs }),
    panel: undefined,
    bans: new Bans(noBans),
    hostRules: new HostRules({
      ...{ allowed: [], denied: [], allowedFolders: [], deniedFolders: [] },
      requireFolderConsent: false,
      reservedName: undefined,
    }),
    log: { write: (record) => records.push(record) },
  });
  const listener = new Listener({
    ...{ clocks: systemClocks, limits },
    serve: (exchange, record) => gateway.serve(exchange, record),
    onRejected: (record) => records.push(record),
  });
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 }, false);
  open.push({
    async close() {
      await listener.drain(0);
      folder[Symbol.dispose]();
    },
  });
  return { account, port, records, folder };
}

function serving(site: Site): SiteAnswer {
  return { kind: 'site', site, expiresInMs: 60_000 };
}

async function reply(exchange: HttpExchange): Promise<undefined> {
  exchange.send({ status: 200, headers: [] }, Buffer.from(exchange.request.target));
  return undefined;
}

const host = 'site.test';

describe('Gateway', () => {
  test('logs each request once, with what the road has learned of it', async () => {
    const { folder, port, records } = await openRoad({});
    folder.write('a.txt', 'abc');
    expect((await ask(port, '/a.txt', { host: 'SITE.test.:80' })).text).toBe('abc');
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      ...{ hostName: 'site.test', folderKey: FOLDER, outcome: 'file', status: 200, bytesSent: 3 },
      ...{ method: 'GET', path: '/a.txt', errorCode: undefined },
    });
  });

  test('a name without a folder is answered with why', async () => {
    const error: ErrorRecord = { code: 'no-record', detail: 'there is none' };
    const { port, records } = await openRoad({
      answer: () => ({ kind: 'failure', error, expiresInMs: 60_000 }),
    });
    expect((await ask(port, '/', { host })).status).toBe(503);
    expect(records).toMatchObject([{ errorCode: 'no-record', folderKey: undefined }]);
  });

  test('a page of the folder that has no room gives way to a line of ours', async () => {
    const settings = '[errors]\n404 = "/404.html"\n';
    const { account, folder, port, records } = await openRoad({ settings });
    folder.write('404.html', 'x'.repeat(8_000));
    expect((await ask(port, '/missing', { host })).text).toHaveLength(8_000);
    account.shareOf(ownerOf(FOLDER)).charge('memory', 2e9);
    const answer = await ask(port, '/missing', { host });
    expect(answer.status).toBe(404);
    expect(answer.text).toMatch(/^Cannot find/);
    expect(records).toMatchObject([{ status: 404 }, { status: 404, errorCode: 'not-found' }]);
  });

  test('where there is no room for many, their refusals do not leave all at once', async () => {
    const crowd = 100;
    let arrived = 0;
    const all = Promise.withResolvers<void>();
    const run: Run = async () => {
      arrived += 1;
      if (arrived === crowd) all.resolve();
      await all.promise;
      return { code: 'overloaded', detail: 'there is no room' };
    };
    const { port, records } = await openRoad({ run });
    const asked = Array.from({ length: crowd }, () => ask(port, '/m.wasm', { host }));
    await all.promise;
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(records.length).toBeLessThan(crowd);
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses).toEqual(Array<number>(crowd).fill(503));
    expect(records).toHaveLength(crowd);
  });

  test('a folder that may not be served closes all of it', async () => {
    const failure: ErrorRecord = { code: 'bad-settings', detail: 'line 3' };
    const { port } = await openRoad({
      answer: (site) => ({ kind: 'site', site: { ...site, failure }, expiresInMs: 60_000 }),
    });
    const answer = await ask(port, '/m.wasm', { host });
    expect([answer.status, answer.text]).toEqual([412, 'line 3\n']);
  });

  test('a folder that lists its names is served under no other', async () => {
    const { port, records } = await openRoad({ settings: 'host_names = ["other.test"]' });
    expect((await ask(port, '/m.wasm', { host })).status).toBe(403);
    expect(records[0]?.errorCode).toBe('folder-forbidden');
  });

  test('what is no host name is not looked up', async () => {
    const { port, records } = await openRoad({
      answer: () => {
        throw new Error('nobody should ask');
      },
    });
    expect((await ask(port, '/', { host: '127.0.0.1' })).status).toBe(400);
    expect(records[0]).toMatchObject({ errorCode: 'bad-host' });
  });

  test('visitors by another name are sent to the canonical one', async () => {
    const settings = '[site]\ncanonical_host = "www.site.test"';
    const { port, records } = await openRoad({ settings });
    const sent = await ask(port, '/m.wasm?q', { host: 'site.test:8080' });
    expect([sent.status, sent.headers.location]).toEqual([
      308,
      'http://www.site.test:8080/m.wasm?q',
    ]);
    expect(records[0]?.outcome).toBe('redirected');
    expect((await ask(port, '/m.wasm', { host: 'www.site.test' })).status).toBe(200);
  });

  test('a run that fails without an answer gets one', async () => {
    const { port, records } = await openRoad({ run: async () => TRAPPED });
    expect((await ask(port, '/m.wasm', { host })).status).toBe(500);
    expect(records).toMatchObject([{ errorCode: 'guest-trapped', status: 500 }]);
  });

  test('a run that fails after its answer changes nothing of it', async () => {
    const { port, records } = await openRoad({
      async run(exchange) {
        await reply(exchange);
        return TRAPPED;
      },
    });
    expect((await ask(port, '/m.wasm', { host })).text).toBe('/m.wasm');
    expect(records).toMatchObject([{ errorCode: 'guest-trapped', status: 200 }]);
  });

  test.each([
    ['fails', TRAPPED],
    ['ends', undefined],
  ])('an answer that is open when the run %s is broken off', async (_, error) => {
    const { port, records } = await openRoad({
      async run(exchange) {
        exchange.start({ status: 200, headers: [] });
        await exchange.write(Buffer.from('half'));
        return error;
      },
    });
    await expect(ask(port, '/m.wasm', { host })).rejects.toThrow();
    expect(records).toMatchObject([{ status: 200, bytesSent: 4 }]);
  });

  test('a request is logged when its run and its answer are both over', async () => {
    const more = Promise.withResolvers<Uint8Array | undefined>();
    const pieces = [Promise.resolve(Buffer.from('first ')), more.promise];
    const body = {
      knownBytes: undefined,
      read: async () => await pieces.shift(),
      cancel: () => undefined,
    };
    const { port, records } = await openRoad({
      async run(exchange) {
        exchange.sendPiped({ status: 200, headers: [] }, body);
        return undefined;
      },
    });
    const asked = ask(port, '/m.wasm', { host });
    await waitFor(() => (pieces.length === 0 ? true : undefined));
    expect(records).toEqual([]);
    more.resolve(Buffer.from('last'));
    expect((await asked).text).toBe('first last');
    await waitFor(() => (records.length === 1 ? true : undefined));
    expect(records).toMatchObject([{ bytesSent: 10 }]);
  });

  test('a guest may answer with another path, as a GET without a body', async () => {
    const { port, records } = await openRoad({
      async run(exchange) {
        const { method, target } = exchange.request;
        if (target === '/m.wasm/start') exchange.redirectInside('/m.wasm/there?q');
        else
          exchange.send(
            { status: 200, headers: [] },
            Buffer.from(`${method} ${target} ${exchange.hasBody}`),
          );
        return undefined;
      },
    });
    const answer = await ask(port, '/m.wasm/start', { host, method: 'POST', body: 'abc' });
    expect(answer.text).toBe('GET /m.wasm/there?q false');
    expect(records).toHaveLength(1);
  });

  test('a guest that redirects inside for ever ends', async () => {
    let runs = 0;
    const { port } = await openRoad({
      async run(exchange) {
        runs += 1;
        exchange.redirectInside('/m.wasm');
        return undefined;
      },
    });
    expect((await ask(port, '/m.wasm', { host })).status).toBe(508);
    expect(runs).toBe(6);
  });

  test('a body that is left alone does not keep the connection from its next request', async () => {
    const { port } = await openRoad({});
    const post = 'POST /m.wasm HTTP/1.1\r\nHost: site.test\r\nContent-Length: 3\r\n\r\nabc';
    const raw = await sendRaw(
      port,
      `${post}${post.replace('Content', 'Connection: close\r\nContent')}`,
    );
    expect(raw.match(/^\/m\.wasm/gm)).toHaveLength(2);
  });

  test('a client that goes away before its answer is in the log', async () => {
    const gone = Promise.withResolvers<void>();
    const { port, records } = await openRoad({
      async run(exchange) {
        exchange.onGone(() => gone.resolve());
        await gone.promise;
        return { code: 'client-gone', detail: 'the client went away' };
      },
    });
    const socket = connect({ host: '127.0.0.1', port });
    socket.write('GET /m.wasm HTTP/1.1\r\nHost: site.test\r\n\r\n');
    setTimeout(() => socket.destroy(), 50);
    await waitFor(() => (records.length === 1 ? true : undefined));
    expect(records).toMatchObject([{ errorCode: 'client-gone', status: 0 }]);
  });

  test('a module that is not known is asked about, and then missing', async () => {
    const { port, records } = await openRoad({});
    expect((await ask(port, '/other.wasm', { host })).status).toBe(404);
    expect(records).toMatchObject([{ errorCode: 'not-found' }]);
  });
});
