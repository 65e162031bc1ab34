/**
 * Entry of the thread of `terrafirma run`: a serving thread with one request and no sockets. Its
 * parent looks at the ledger, and ends it when the guest holds it for too long.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createCatalogue } from '../../abi/catalogue.ts';
import type { TraceOptions } from '../../abi/trace/trace.ts';
import { Account } from '../../account/account.ts';
import { ThreadCapabilities } from '../../capability/lending.ts';
import { GuestPool } from '../../engine/supply/pool.ts';
import { describeError } from '../../errors.ts';
import { ownerOf } from '../../names.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import { ownSystemThread } from '../../serve/system-thread.ts';
import { ControlLink } from '../../threads/control-link.ts';
import { LedgerPage } from '../../threads/ledger.ts';
import type { ToThread } from '../../threads/messages.ts';
import { RunExchange } from './exchange.ts';
import { runKey } from './folder.ts';
import type { FromRun, RunEnd, RunStart } from './messages.ts';
import { runOnSite } from './run-site.ts';

const beatMs = 100;

async function runOnce(start: RunStart, port: MessagePort): Promise<void> {
  const tell = (message: FromRun): void => port.postMessage(message);
  tell({ kind: 'begun', systemThread: ownSystemThread() });
  const parts = openParts(start, port, tell);
  const { site } = start;
  const end =
    site === undefined ? await runAlone(start, parts) : await runOnSite(start, site, parts);
  tell({ kind: 'done', end });
}

function openParts(start: RunStart, port: MessagePort, tell: (message: FromRun) => void) {
  const { config } = start;
  const { limits } = config;
  const hasLinks = start.site?.settings?.middleware !== undefined;
  const page = new LedgerPage(start.ledger, 0);
  setInterval(() => page.beat(), beatMs).unref();
  const account = new Account(start.account, 0);
  const link = new ControlLink(port, {
    verdictWaitMs: limits.verdictWaitMs,
    onNews: () => undefined,
  });
  port.on('message', (message: ToThread) => link.receive(message));
  const guards = new MountGuards(limits);
  const capabilities = new ThreadCapabilities(
    {
      ...{ config, guards, account },
      servedPorts: [],
      isRunAlone: true,
      onGuestLine: (_level, line, { modulePath }) => {
        // Of several that answer one request each says who it is.
        tell({ kind: 'log', line: hasLinks ? `${modulePath}: ${line}` : line });
      },
    },
    {
      starts: start.capabilities,
      ask: (question, key) => link.ask({ ask: 'capability', ...question }, key),
    },
  );
  const { abis } = createCatalogue(limits, traceOf(start, tell));
  const pool = new GuestPool({ limits, abis, page, account, nowMs: () => performance.now() });
  return { config, link, guards, pool, account, capabilities, tell };
}

/** Without a folder there is nothing around the one module. */
async function runAlone(
  { body, loaded, modulePath, request }: RunStart,
  { capabilities, pool, tell }: ReturnType<typeof openParts>,
): Promise<RunEnd> {
  const guest = pool.acquire(loaded, { owner: ownerOf(runKey), site: runKey, client: '' });
  const exchange = new RunExchange(request, { body, tell });
  const lent = capabilities.forRun({ folderKey: runKey, modulePath, requestId: request.id });
  const report = await guest.run(exchange, lent);
  try {
    await exchange.whenPassed();
  } catch (error) {
    tell({ kind: 'log', line: `Cannot show the answer whole: ${describeError(error)}` });
  }
  return report;
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

if (parentPort === null) throw new TypeError('Cannot run: this thread has no parent');
await runOnce(workerData as RunStart, parentPort);
