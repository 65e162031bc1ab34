/**
 * Entry of the thread of `terrafirma run`: a serving thread with one request and no sockets. Its
 * parent looks at the ledger, and ends it when the guest holds it for too long.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createCatalogue } from '../../abi/catalogue.ts';
import type { TraceOptions } from '../../abi/trace/trace.ts';
import { Account } from '../../account/account.ts';
import type { RunIdentity } from '../../capability/definition.ts';
import { ThreadCapabilities } from '../../capability/lending.ts';
import { GuestPool } from '../../engine/supply/pool.ts';
import { describeError } from '../../errors.ts';
import { ownerOf } from '../../names.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import { ownSystemThread } from '../../serve/system-thread.ts';
import { limitsFor } from '../../site/settings.ts';
import { ControlLink } from '../../threads/control-link.ts';
import { LedgerPage } from '../../threads/ledger.ts';
import type { ToThread } from '../../threads/messages.ts';
import { RunExchange } from './exchange.ts';
import { runKey } from './folder.ts';
import type { FromRun, RunStart } from './messages.ts';

const beatMs = 100;
const folderKey = runKey;

async function runOnce(start: RunStart, port: MessagePort): Promise<void> {
  const tell = (message: FromRun): void => port.postMessage(message);
  tell({ kind: 'begun', systemThread: ownSystemThread() });
  const { config, loaded, modulePath, request } = start;
  const { limits } = config;
  const page = new LedgerPage(start.ledger, 0);
  setInterval(() => page.beat(), beatMs).unref();
  const account = new Account(start.account, 0);
  const link = new ControlLink(port, {
    verdictWaitMs: limits.verdictWaitMs,
    onNews: () => undefined,
  });
  port.on('message', (message: ToThread) => link.receive(message));
  const capabilities = new ThreadCapabilities(
    {
      config,
      guards: new MountGuards(limits),
      account,
      servedPorts: [],
      isRunAlone: true,
      onGuestLine: (_level, line) => tell({ kind: 'log', line }),
    },
    {
      starts: start.capabilities,
      ask: (question, key) => link.ask({ ask: 'capability', ...question }, key),
    },
  );
  const pool = new GuestPool({
    limits,
    abis: createCatalogue(limits, traceOf(start, tell)).abis,
    page,
    account,
    nowMs: () => performance.now(),
  });
  const shares = { owner: ownerOf(folderKey), site: folderKey, client: '' };
  const own = start.folder && limitsFor(start.folder.settings, modulePath);
  const guest = pool.acquire(loaded, shares, own);
  const exchange = new RunExchange(request, { body: start.body, tell });
  const identity = { folderKey: folderKey, modulePath, requestId: request.id };
  const lent = capabilities.forRun({ ...identity, ...placeOf(start) });
  const report = await guest.run(exchange, lent);
  try {
    await exchange.whenPassed();
  } catch (error) {
    tell({ kind: 'log', line: `Cannot show the answer whole: ${describeError(error)}` });
  }
  tell({ kind: 'done', report });
}

/** All that the guest passes is shown: who runs it has the module and the request in her hands. */
function traceOf({ traces }: RunStart, tell: (message: FromRun) => void): TraceOptions | undefined {
  if (!traces) return undefined;
  return {
    showsSecrets: true,
    nowMs: () => performance.now(),
    onEarlyLine: (line) => tell({ kind: 'log', line }),
  };
}

function placeOf({ folder }: RunStart): Pick<RunIdentity, 'place' | 'siteSettings'> {
  if (folder === undefined) return {};
  const { directory, settings } = folder;
  return {
    place: { directory, mountDirectory: directory, owner: ownerOf(folderKey) },
    siteSettings: settings,
  };
}

if (parentPort === null) throw new TypeError('Cannot run: this thread has no parent');
await runOnce(workerData as RunStart, parentPort);
