/** The last resort: a thread stuck in code that no meter bounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCatalogue } from '../../src/abi/catalogue.ts';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import { ControlSides } from '../../src/capability/control.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { settleEndpoints } from '../../src/daemon/endpoints.ts';
import { PortClaims } from '../../src/daemon/port-claims.ts';
import { ServingThreads } from '../../src/daemon/threads.ts';
import { buildArtifact, formsOf } from '../../src/deploy/build/artifact.ts';
import { programFrom } from '../../src/deploy/build/program.ts';
import { createCounterPage } from '../../src/journal/counters.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { createLogQueues, LogQueueOutput } from '../../src/journal/log-queue.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../src/names.ts';
import { Resolver } from '../../src/outside/dns/dns.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { startStoreKeeper } from '../../src/outside/store/store-keeper.ts';
import { noBans } from '../../src/site/bans.ts';
import { parseManifest } from '../../src/site/manifest.ts';
import type { Site } from '../../src/site/table.ts';
import type { Answers, Digest, LoadedModule, Question } from '../../src/threads/messages.ts';
import { programOfOne } from '../../src/threads/program.ts';
import { waitFor } from '../support/daemon.ts';
import { guestBytes } from '../support/folder.ts';
import { ask } from '../support/http.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrafirma-threads-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A guest as the deploy road hands it out. */
function loadMetered(guest: string): LoadedModule {
  const bytes = Uint8Array.from(guestBytes(guest));
  const { judgeModule: judge } = createCatalogue(defaultLimits);
  const artifact = buildArtifact(bytes, { limits: defaultLimits, judge });
  const { digest, abi, entry, cores } = artifact;
  const forms = formsOf(cores);
  const modules = forms.map((form) => new WebAssembly.Module(form));
  const program = programFrom(artifact, modules);
  const codeBytes = forms.reduce((sum, { length }) => sum + length, 0);
  return { digest, program, abi, entry, codeBytes, isOptimised: true };
}

/** The module as it is, which no deploy road would hand out: nothing counts its instructions. */
function loadUnmetered(guest: string): LoadedModule {
  const module = new WebAssembly.Module(Uint8Array.from(guestBytes(guest)));
  const loaded = loadMetered(guest);
  const facts = loaded.program.cores[0]?.engine.metered;
  if (facts === undefined) throw new Error('Cannot find the core of the guest');
  const { names } = facts;
  const unknown = { ...names, start: undefined, capture: undefined, restore: undefined };
  const restorable = { reason: 'nothing was appended' };
  const metered = { ...facts, names: unknown, memories: [], restorable };
  return { ...loaded, program: programOfOne({ module, engine: { metered } }) };
}

function siteOf(modules: ReadonlyMap<string, LoadedModule>): Site {
  return {
    folderKey: '/folder' as FolderKey,
    owner: ownerOf('/folder' as FolderKey),
    directory,
    mountDirectory: directory,
    failure: undefined,
    generation: 1,
    manifest: parseManifest(undefined, 1_000),
    modules: new Map(
      [...modules].map(([path, { digest, abi }]) => [
        path as ModulePath,
        { kind: 'serving', digest, abi },
      ]),
    ),
  };
}

test('ends and replaces a thread stuck in unmetered code, and names the artifact', async () => {
  const modules = new Map([
    ['hello.wasm', loadMetered('hello')],
    ['loop.wasm', loadUnmetered('loop')],
  ]);
  const byDigest = new Map<Digest, LoadedModule>();
  for (const loaded of modules.values()) byDigest.set(loaded.digest, loaded);
  const { config } = loadConfig({
    flags: [],
    machine: {
      environment: {
        TERRAFIRMA_THREADS: '1',
        TERRAFIRMA_FOLDER: directory,
        TERRAFIRMA_STATE_DIRECTORY: directory,
        TERRAFIRMA_LIMITS_THREAD_STUCK_MS: '500',
      },
      homeDirectory: directory,
      workingDirectory: directory,
      parallelism: 1,
      memoryBytes: 8 * 1024 ** 3,
    },
  });
  const log: Record<string, unknown>[] = [];
  const journal = openJournal(({ facts, text: msg }) => log.push({ ...facts, msg }));
  const store = startStoreKeeper({
    databasePath: storePath(directory),
    synchronous: 'normal',
    limits: config.limits,
    onTrouble: (message) => log.push({ msg: message }),
  });
  const account = createSharedAccount({ threads: 1, bytesMax: 1024 ** 3, memoriesMax: 100 });
  const capabilities = new ControlSides({
    ...{ config, journal, store, account: new Account(account, 'control') },
    resolver: new Resolver({ ...config, nowMs: () => performance.now() }),
    tell: () => undefined,
  });
  const logQueues = createLogQueues(1, config.limits.logQueueBytesMax);
  const counterPage = createCounterPage(1);
  let starts = 0;
  const threads = new ServingThreads({
    config,
    journal,
    account,
    counterPageOf: () => {
      starts += 1;
      // As where no descriptor is left for the first replacement: there is a second one.
      if (starts === 2) throw new Error('nothing is left');
      return counterPage;
    },
    traceQueueOf: () => undefined,
    logQueueOf: (threadNumber) => {
      const queue = logQueues[threadNumber];
      if (queue === undefined) throw new TypeError('Cannot log: no such thread');
      return queue;
    },
    capabilities,
    ticketKeys: () => undefined,
    bans: () => noBans,
    onReady: () => undefined,
    answer: async (question: Question): Promise<Answers[keyof Answers]> => {
      const site = siteOf(modules);
      if (question.ask === 'site') return { kind: 'site', site, expiresInMs: 60_000 };
      const loaded = question.ask === 'module' ? byDigest.get(question.digest) : undefined;
      if (loaded === undefined) throw new Error(`not asked for in this test: ${question.ask}`);
      return loaded;
    },
  });
  using claims = new PortClaims();
  const plain = await settleEndpoints([{ host: '127.0.0.1', port: 0 }], claims);
  const port = plain[0]?.port ?? 0;
  await threads.start({ plain, tls: [] });
  try {
    expect((await ask(port, '/hello.wasm')).text).toBe('hello\n');
    const stuck = ask(port, '/loop.wasm');
    await expect(stuck).rejects.toThrow();
    const reply = await waitFor(() => ask(port, '/hello.wasm').catch(() => undefined));
    expect(reply.text).toBe('hello\n');
    // What was said before the thread was ended is not lost with it.
    const [queue] = logQueues;
    const said = queue === undefined ? '' : new LogQueueOutput(queue).peek(2 ** 20);
    expect(Buffer.from(said).toString()).toContain('/hello.wasm');
    expect(log).toContainEqual(
      expect.objectContaining({
        msg: 'thread stuck: it is ended and replaced',
        digest: modules.get('loop.wasm')?.digest,
      }),
    );
    expect(log).toContainEqual(
      expect.objectContaining({ msg: 'thread not replaced: trying again' }),
    );
  } finally {
    await threads.terminate();
    await capabilities.close();
    await store.close();
  }
});
