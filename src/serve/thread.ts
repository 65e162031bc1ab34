/**
 * Entry of a serving thread: builds this side's parts, listens, and obeys the control plane. The
 * thread is ready when it says `listening`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Logger } from 'pino';
import { createCatalogue } from '../abi/catalogue.ts';
import type { TraceOptions } from '../abi/trace/trace.ts';
import { Account } from '../account/account.ts';
import { Tidy } from '../account/tidy.ts';
import type { Capabilities } from '../capability/capability.ts';
import type { RunIdentity, ThreadWorld } from '../capability/definition.ts';
import { ThreadCapabilities } from '../capability/lending.ts';
import type { Config } from '../config/config.ts';
import { GuestPool } from '../engine/supply/pool.ts';
import { describeError, TerrafirmaError, toErrorRecord } from '../errors.ts';
import { ThreadCounters } from '../journal/counters.ts';
import { type Journal, logReader, openJournal } from '../journal/journal.ts';
import { LogChannel } from '../journal/log-channel.ts';
import { LogQueueInput } from '../journal/log-queue.ts';
import { createLogger, RequestLog, tellLosses } from '../journal/telemetry.ts';
import { logUnhandled } from '../journal/unhandled.ts';
import type { HostName, OwnerKey } from '../names.ts';
import { MountGuards, threadsPerGuard } from '../outside/mount/mount-guards.ts';
import { HostRules } from '../site/hosts.ts';
import { ControlLink } from '../threads/control-link.ts';
import { LedgerPage } from '../threads/ledger.ts';
import type { CronOrder, ThreadStart, ToControl, ToThread } from '../threads/messages.ts';
import { panelSocketPath } from '../threads/panel.ts';
import { beatWith } from './beat.ts';
import { Chains } from './chain/chains.ts';
import { systemClocks } from './clocks.ts';
import { CronRuns } from './cron/cron-runs.ts';
import { ClientBytes } from './exchange-bytes.ts';
import { Listener } from './listener.ts';
import { OperatorSide } from './operator-side.ts';
import { practise } from './practice.ts';
import { ReplyBatch } from './reply-batch.ts';
import { retune } from './retuning.ts';
import { Bans } from './road/bans.ts';
import { TrustedProxies } from './road/client-address.ts';
import { Doorkeeper } from './road/doorkeeper.ts';
import { Failures } from './road/failures.ts';
import { StaticFiles } from './road/files.ts';
import { Gateway, type GatewayOptions } from './road/gateway.ts';
import { ModuleRuns, type ModuleRunsOptions } from './road/module-runs.ts';
import { PanelDoor } from './road/panel-door.ts';
import { Replica, type ReplicaOptions } from './road/replica.ts';
import { SealingKeyDoor } from './road/sealing-key.ts';
import { sharesOf } from './road/shares-of.ts';
import { SiteRoad } from './road/site-road.ts';
import { Tracer } from './road/tracer.ts';
import { ownSystemThread } from './system-thread.ts';
import { createTlsParts } from './tls/parts.ts';
import { ConnectionCounts } from './websocket/connection-counts.ts';
import { Conversations } from './websocket/conversations.ts';
import { Tunnels } from './websocket/tunnels.ts';

const { nowMs, wallMs } = systemClocks;
/** How often it is looked whether memory is to be given back. */
const tidyLookMs = 200;
/** Requests for the owners' dashboard that a thread brings at once, on however many threads. */
const panelRequestsMin = 24;
/** How often what was dropped of the log is told. */
const lossesMs = 60_000;

async function start(start: ThreadStart): Promise<void> {
  if (parentPort === null) throw new TypeError('Cannot start a serving thread: it has no parent');
  const control = parentPort;
  const { config } = start;
  const { limits } = config;
  const { channel, counters, journal, log, logger } = openLog(start);
  const link = new ControlLink(control, {
    verdictWaitMs: limits.verdictWaitMs,
    onNews: (news) => {
      if (news.kind === 'published') replica.learnSite(news.site);
      else if (news.kind === 'module-replaced') replica.renewModule(news.digest);
      else if (news.kind === 'certificates-changed') secured?.contexts.expireAll();
      else if (news.kind === 'ticket-keys') listener.setTicketKeys(news.keys);
      else if (news.kind === 'capability-news') capabilities.hear(news);
      else if (news.kind === 'reconfigured') retune(news.config, retunable);
      else if (news.kind === 'forget-name') replica.forgetName(news.hostName);
      else if (news.kind === 'operator-question' || news.kind === 'bans') operator.hear(news);
      else if (news.kind === 'practise') void practise(pool, news.loaded, capabilities);
      else if (news.kind === 'cron') void callAtItsTime(news.id, news.order);
      else void drain(news.drainMs);
    },
  });
  const { account, batch, pool } = openEngine(start, journal);
  const replica = createReplica({ limits, link, pool }, (run) => capabilities.forRun(run));
  const guards = new MountGuards(limits, threadsPerGuard(config));
  const capabilities = openCapabilities(start, { link, guards, log, account, counters });
  const { conversations, tunnels } = openTalk(limits);
  const runs = openRuns(link, { replica, pool, capabilities, conversations, tunnels, account });
  const doors = openDoors(start);
  const within = { ...doors, link, replica, log, tracer: openTracer(start, counters) };
  const gateway = openGateway(config, { ...within, guards, runs, account });
  const cron = new CronRuns({ ...doors, limits, runs, account, log, nowMs });
  const secured = createTlsParts(start, { ...within, journal, gateway, counters });
  const listener = new Listener({
    ...{ clocks: systemClocks, limits, batch, proxies: doors.proxies, tls: secured?.listener },
    serve: secured?.serve ?? ((exchange, record) => gateway.serve(exchange, record)),
    onRejected: (record) => log.write(record),
    onTrouble: ({ message }) => journal.tell('connection-not-accepted', { reason: message }),
  });

  const retunable = { ...doors, replica, limits, logger, pool, capabilities };
  const watched = { pool, listener, conversations, counters };
  const operator = new OperatorSide({ ...doors, start, link, ...watched });
  beatWith(start, (lagMs) => operator.tellGauges(lagMs));

  async function callAtItsTime(id: number, order: CronOrder): Promise<void> {
    link.tell({ kind: 'cron-ended', id, end: await cron.run(order) });
  }
  async function drain(drainMs: number): Promise<void> {
    await drainRuns([listener, conversations, tunnels, cron], pool, drainMs);
    pool.close();
    await capabilities.close();
    countLosses(journal, channel, counters);
    control.close();
  }

  logUnhandled(journal);
  control.on('message', (message: ToThread) => link.receive(message));
  control.postMessage(await listen(listener, start));
}

/** Connections that are talked over for long. */
function openTalk(limits: Config['limits']) {
  const counts = new ConnectionCounts(limits);
  const conversations = new Conversations({ limits, counts, nowMs });
  return { conversations, tunnels: new Tunnels(limits, counts) };
}

function openRuns(
  link: Pick<ControlLink, 'tell'>,
  parts: Omit<ModuleRunsOptions, 'onReady'>,
): ModuleRuns {
  const onReady: NonNullable<ModuleRunsOptions['onReady']> = (digest) =>
    link.tell({ kind: 'module-ready', digest });
  return new ModuleRuns({ ...parts, onReady });
}

/** Whom the thread lets in; each may be replaced while it runs. */
function openDoors({ bans, config }: ThreadStart) {
  return {
    bans: new Bans(bans),
    proxies: new TrustedProxies(config.proxies.trustedCidrs),
    hostRules: new HostRules(config.hosts),
  };
}

function openGateway(
  config: Config,
  parts: Pick<GatewayOptions, 'account' | 'bans' | 'hostRules' | 'log' | 'replica' | 'tracer'> & {
    readonly guards: MountGuards;
    readonly link: ControlLink;
    readonly runs: ModuleRuns;
  },
): Gateway {
  const { folder, limits, threads } = config;
  const { account, bans, hostRules, link, log, replica, runs, tracer } = parts;
  const compressedBytesMax = limits.compressedBytesMax / 2 / threads;
  const keptBytesMax = limits.filesKeptBytesMax / threads;
  const kept = { compressedBytesMax, keptBytesMax };
  const files = new StaticFiles({ guards: parts.guards, link, wallMs, ...kept });
  const doorkeeper = new Doorkeeper({ limits, link, nowMs });
  const failures = new Failures(files);
  const exchange = { ...limits, clientBytes: new ClientBytes(limits.heldBytesPerClientMax) };
  const chains = new Chains({ replica, runs, failures, account, exchange, limits });
  const road = new SiteRoad({ replica, files, doorkeeper, runs, chains });
  const isFolderMode = folder !== undefined;
  const sealingKey = new SealingKeyDoor({ link, isFolderMode, nowMs });
  const panel = openPanelDoor(config);
  const own = { isFolderMode, road, sealingKey, panel, failures, nowMs, tracer };
  const notesVisitors = config.log.accessFile !== undefined;
  return new Gateway({ ...own, replica, hostRules, bans, account, log, notesVisitors });
}

function openPanelDoor(config: Config): PanelDoor | undefined {
  const { hostName } = config.dashboard;
  if (hostName === undefined) return undefined;
  // The setting was parsed as one.
  const { adminConnectionsMax, adminStreamsMax } = config.limits;
  const share = Math.floor((adminConnectionsMax + adminStreamsMax) / config.threads);
  const requestsMax = Math.max(panelRequestsMin, share);
  const socketPath = panelSocketPath(config);
  return new PanelDoor({ hostName: hostName as HostName, socketPath, requestsMax });
}

/** Undefined where nobody wants traces: then requests are not even looked at for that. */
function openTracer(
  { config, traceQueue }: ThreadStart,
  counters: ThreadCounters,
): Tracer | undefined {
  if (traceQueue === undefined) return undefined;
  const queue = new LogQueueInput(traceQueue);
  return new Tracer({
    ...{ telemetry: config.telemetry, clocks: systemClocks },
    put: (line) => queue.put(line, true) > 0,
    onDropped: () => counters.noteThread('traces-dropped'),
  });
}

type Drainable = { drain(waitMs: number): Promise<unknown> };

/** Clients first; what they were answered by may still be at work. */
async function drainRuns(
  clients: readonly Drainable[],
  runs: Drainable,
  drainMs: number,
): Promise<void> {
  const untilMs = performance.now() + drainMs;
  await Promise.all(clients.map((each) => each.drain(drainMs)));
  await runs.drain(Math.max(0, untilMs - performance.now()));
}

function openLog({ config, counterPage, logQueue }: ThreadStart): {
  readonly channel: LogChannel;
  readonly counters: ThreadCounters;
  readonly journal: Journal;
  readonly log: RequestLog;
  readonly logger: Logger;
} {
  const channel = new LogChannel(logQueue, config.limits);
  const logger = createLogger(config.log.level, channel.own);
  const journal = openJournal(logReader(logger));
  const counters = new ThreadCounters(counterPage);
  setInterval(() => countLosses(journal, channel, counters), lossesMs).unref();
  return {
    ...{ channel, counters, journal, logger },
    log: new RequestLog(logger, channel, counters),
  };
}

function openEngine(start: ThreadStart, journal: Journal) {
  const { limits } = start.config;
  const account = new Account(start.account, start.threadNumber);
  const tidy = new Tidy(account, { trimsToo: false });
  setInterval(() => tidy.look(), tidyLookMs).unref();
  const { abis } = createCatalogue(limits, traceOf(start));
  const page = new LedgerPage(start.ledger, start.threadNumber);
  const onHeldBack = (owner: OwnerKey): void => journal.tell('owner-held-back', { owner });
  const batch = new ReplyBatch();
  const told = { onHeldBack, onOthersTurn: batch.leave };
  return { account, batch, pool: new GuestPool({ limits, abis, page, account, nowMs, ...told }) };
}

function countLosses(journal: Journal, channel: LogChannel, counters: ThreadCounters): void {
  const droppedLines = tellLosses(journal, channel);
  if (droppedLines > 0) counters.noteThread('log-lines-dropped', droppedLines);
}

/** At the log level trace hostcalls are told; the guests are linked to others then. */
function traceOf({ config }: ThreadStart): TraceOptions | undefined {
  if (config.log.level !== 'trace') return undefined;
  return {
    showsSecrets: false,
    nowMs,
    // Whose instance it is, nobody can say before it serves.
    onEarlyLine: () => undefined,
  };
}

/** Stands in the log where a request has its id. */
const warmUpId = 'warm-up';

function createReplica(
  parts: Pick<ReplicaOptions, 'limits' | 'link'> & { readonly pool: GuestPool },
  lend: (run: RunIdentity) => Capabilities,
): Replica {
  const { pool } = parts;
  return new Replica({
    ...parts,
    // Makes a guest of a module ready before the first visitor of its site wants it.
    onModule: (loaded, site, modulePath) => {
      const { folderKey } = site;
      const lent = lend({ folderKey, modulePath, requestId: warmUpId });
      const { digest } = loaded;
      const onReady = (): void => parts.link.tell({ kind: 'module-ready', digest });
      pool.warm(loaded, sharesOf(site), lent, onReady);
    },
    onRenewed: (loaded) => pool.renew(loaded),
    onSuperseded: (loaded) => pool.forget(loaded),
  });
}

/** What this thread lends to its guests: one of each part for the whole thread. */
function openCapabilities(
  start: ThreadStart,
  parts: Pick<ThreadWorld, 'guards' | 'account' | 'counters'> & {
    readonly link: ControlLink;
    readonly log: RequestLog;
  },
): ThreadCapabilities {
  const { link, log, ...world } = parts;
  return new ThreadCapabilities(
    {
      config: start.config,
      ...world,
      servedPorts: [...start.endpoints, ...start.tlsEndpoints].map(({ port }) => port),
      isRunAlone: false,
      onGuestLine: (level, message, tag) => log.writeOfGuest(level, message, tag),
    },
    {
      starts: start.capabilities,
      ask: (question, key) => link.ask({ ask: 'capability', ...question }, key),
    },
  );
}

async function listen(listener: Listener, start: ThreadStart): Promise<ToControl> {
  try {
    const endpoints = [];
    for (const endpoint of start.endpoints) {
      endpoints.push(await listener.listen(endpoint, start.reusePort));
    }
    for (const endpoint of start.tlsEndpoints) {
      endpoints.push(await listener.listenTls(endpoint, start.reusePort));
    }
    return { kind: 'listening', endpoints, systemThread: ownSystemThread() };
  } catch (error) {
    const failure = new TerrafirmaError('start', `Cannot listen: ${describeError(error)}`);
    return { kind: 'listen-failed', error: toErrorRecord(failure) };
  }
}

await start(workerData as ThreadStart);
