/**
 * Entry of the thread of `terrafirma run`: a serving thread with one request and no sockets. Its
 * parent looks at the ledger, and ends it when the guest holds it for too long.
 */
import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { createCatalogue } from '../../abi/catalogue.ts';
import { Account } from '../../account/account.ts';
import { CapabilitySource, type RunIdentity } from '../../capability/catalogue.ts';
import { systemClock, systemTimer } from '../../capability/clock.ts';
import { OutboundHttp } from '../../capability/fetch/fetch.ts';
import { Visits } from '../../capability/fetch/visits.ts';
import { SiteFileSource } from '../../capability/files/files.ts';
import { KeyValueClient } from '../../capability/kv/client.ts';
import { RandomPool } from '../../capability/random.ts';
import { GuestPool } from '../../engine/supply/pool.ts';
import { type FolderKey, ownerOf } from '../../names.ts';
import { Resolver } from '../../outside/dns/dns.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import { settingsFor } from '../../site/settings.ts';
import { LedgerPage } from '../../threads/ledger.ts';
import { RunExchange } from './exchange.ts';
import type { FromRun, RunStart } from './messages.ts';

const beatMs = 100;
const folderKey = '/run' as FolderKey;

async function runOnce(start: RunStart, tell: (message: FromRun) => void): Promise<void> {
  const { config, loaded, modulePath, request } = start;
  const { limits, dns } = config;
  const page = new LedgerPage(start.ledger, 0);
  setInterval(() => page.beat(), beatMs).unref();
  const resolver = new Resolver({ dns, limits, nowMs: () => performance.now() });
  const source = new CapabilitySource({
    limits,
    resolverOf: () => resolver,
    clock: systemClock,
    timer: systemTimer,
    files: new SiteFileSource(new MountGuards(limits)),
    random: new RandomPool(),
    outbound: new OutboundHttp({
      limits,
      // Whatever is fetched, there is no installation around the one module.
      visits: new Visits({ key: randomBytes(32), runsPerVisitMax: limits.runsPerVisitMax }),
      allowedCidrs: config.outbound.allowedCidrs,
      // The person who runs it may reach her own machine from it as from any other program.
      isClosed: () => false,
      lookupOf: () => (name, family) => resolver.addresses(name, family),
    }),
    keyValue: new KeyValueClient({
      port: start.keyValuePort,
      databasePath: start.keyValueDatabasePath,
      limits,
    }),
    onGuestLine: (_level, line) => tell({ kind: 'log', line }),
  });
  const account = new Account(start.account, 0);
  const pool = new GuestPool({ limits, abis: createCatalogue(limits).abis, page, account });
  const guest = pool.acquire(loaded, { owner: ownerOf(folderKey), site: folderKey, client: '' });
  const exchange = new RunExchange(request, { body: start.body, tell });
  const identity = { folderKey: folderKey, modulePath, requestId: request.id };
  const lent = source.forRun({ ...identity, ...placeOf(start) });
  const report = await guest.run(exchange, lent);
  tell({ kind: 'done', report });
}

function placeOf({ folder, modulePath }: RunStart): Pick<RunIdentity, 'place' | 'settings'> {
  if (folder === undefined) return {};
  const { directory, settings } = folder;
  return {
    place: { directory, mountDirectory: directory, owner: ownerOf(folderKey) },
    settings: () => settingsFor(settings, modulePath),
  };
}

if (parentPort === null) throw new TypeError('Cannot run: this thread has no parent');
const parent = parentPort;
await runOnce(workerData as RunStart, (message) => parent.postMessage(message));
