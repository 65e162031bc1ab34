/**
 * The control plane: builds every part from Config, starts them in order, stops them in reverse.
 */
import { availableParallelism } from 'node:os';
import { Account } from '../account/account.ts';
import { createSharedAccount } from '../account/shared.ts';
import { ControlSides } from '../capability/control.ts';
import type { Config, Endpoint } from '../config/config.ts';
import { Publisher, type PublisherOptions } from '../deploy/publish.ts';
import { CounterBook } from '../journal/counter-book.ts';
import { Histogram } from '../journal/histogram.ts';
import type { Journal } from '../journal/journal.ts';
import type { OutputStream } from '../journal/output.ts';
import { logUnhandled } from '../journal/unhandled.ts';
import { ownerOf } from '../names.ts';
import { Resolver } from '../outside/dns/dns.ts';
import { sizeThreadPool } from '../outside/mount/libuv-pool.ts';
import { MountGuards, threadsPerGuard } from '../outside/mount/mount-guards.ts';
import { readFolderVariables } from '../outside/secrets/folder-variables.ts';
import { SealingKeys } from '../outside/secrets/sealing-keys.ts';
import { grantedVariables } from '../outside/secrets/variables.ts';
import type { ServiceManager } from '../outside/sockets/notify.ts';
import { lockState } from '../outside/state/lock.ts';
import { asStateFault } from '../outside/state/state-fault.ts';
import type { SharedStore } from '../outside/store/contract.ts';
import { storePath } from '../outside/store/sqlite-schema.ts';
import { noBans, requireNoBan } from '../site/bans.ts';
import type { Certificates } from '../tls/certificates.ts';
import { type AnswersOptions, ControlAnswers } from './answers.ts';
import { openCertificates } from './certificates.ts';
import { Compressor } from './compress/compressor.ts';
import { Cron, type CronParts } from './cron/open.ts';
import { DaemonLog } from './daemon-log.ts';
import { canSharePorts, formatEndpoint, settleEndpoints } from './endpoints.ts';
import { Logins, perFolder } from './logins/logins.ts';
import { SharedLogins } from './logins/shared-logins.ts';
import { type OperationIo, openOperation } from './open-operation.ts';
import { openBans } from './operation.ts';
import { openPlaces } from './places.ts';
import { PortClaims } from './port-claims.ts';
import { type PracticeParts, practiseLater } from './practice.ts';
import { Reclaimer, type ReclaimerOptions } from './reclaim.ts';
import { RunningParts } from './running-parts.ts';
import { ServedAddresses } from './served-addresses.ts';
import { openNodes, startStore } from './shared-store.ts';
import { ServingThreads, type ThreadEndpoints, type ThreadsOptions } from './threads.ts';
import { openTicketKeys } from './ticket-keys.ts';
import { openTraces } from './traces/open.ts';
import { Watchdog } from './watchdog.ts';

export interface Daemon {
  /** What it really listens on. */
  readonly endpoints: readonly Endpoint[];
  /** Resolves when the daemon has ended, after `drain` or `force`. */
  readonly closed: Promise<void>;
  /** Stops accepting, lets running requests finish within the drain limit or less, ends. */
  drain(limitMs?: number): Promise<void>;
  /** Ends at once. */
  force(): void;
  /** Reads the configuration again; what became of it is in the log. Never rejects. */
  reload(): Promise<void>;
  /** A signal came that means nothing here: the log says so. */
  noteIgnored(signal: string): void;
}

export interface DaemonIo extends OperationIo {
  readonly output: OutputStream;
  /** Where the port to listen on is taken, so many are tried, one after the other; default 1. */
  readonly portsTriedMax?: number;
  /** Who is told how the daemon is. */
  readonly manager?: ServiceManager;
  /** Whether it practises before the first module comes; see deploy/practice. */
  readonly practises?: boolean | undefined;
}

/** How long judging a module takes: upper ends in seconds. */
const judgeBucketsS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const standardOutput: DaemonIo = { output: process.stdout };

/**
 * Starts the daemon. Resolves when every thread listens; the first log line says where.
 *
 * @throws TerrafirmaError `start` (port or state directory in use), `state`.
 */
export async function startDaemon(wanted: Config, io: DaemonIo = standardOutput): Promise<Daemon> {
  const config = await limitThreads(wanted);
  sizeThreadPool(config);
  const account = openAccount(config);
  const lock = lockState(config.stateDirectory);
  const log = openLog(config, io);
  const { journal } = log;
  const parts = new RunningParts(lock, log, config.limits.drainLeadMs);
  try {
    using claims = new PortClaims();
    const plain = await settleEndpoints(config.listen, claims, io.portsTriedMax);
    const all = { plain, tls: await settleEndpoints(config.tls.listen, claims) };
    const resolver = new Resolver({ dns: config.dns, limits: config.limits, nowMs });
    const guards = new MountGuards(config.limits, threadsPerGuard(config));
    const { relocate, ...places } = openPlaces(config, guards);
    const { keeper: store, shared } = await startStore(config, parts, places.folder);
    parts.capabilities = new ControlSides({
      ...{ config, journal, resolver, store, account: new Account(account, 'control') },
      tell: (news) => parts.threads?.tell({ kind: 'capability-news', ...news }),
    });
    const counters = openCounters(config);
    parts.bans = openBans(config, journal, (bans) => parts.threads?.tell({ kind: 'bans', bans }));
    const sealingKeys = new SealingKeys(config.stateDirectory, config.secrets.keyFile);
    const nodes = await openNodes(config, journal, { keeper: store, shared });
    const judged = new Histogram(judgeBucketsS);
    parts.publisher = await openPublisher(config, counters, {
      ...{ journal, guards, shared, relocate, sealingKeys, judged, ...nodes },
    });
    parts.traces = openTraces(config, { journal, version: io.version, nowMs });
    const answers = openAnswers(config, parts, {
      ...{ ...places, resolver, guards, journal, sealingKeys },
      ...{ publisher: parts.publisher, capabilities: parts.capabilities },
    });
    const within = { journal, resolver, store: shared };
    parts.certificates = await openTls(config, parts, { ...within, answers, ...nodes });
    const { capabilities, publisher } = parts;
    const threads = openThreads(parts, { config, account, capabilities, log, counters, answers });
    parts.reclaimer = openReclaimer(config, journal, { publisher, store, ...places });
    parts.cron = openCron(parts, { ...within, config, places, threads, publisher });
    tellNews(parts, publisher, threads);
    const daemon = createDaemon(plain, parts);
    parts.operation = await openOperation(io, parts, {
      ...{ ...within, config, counters, daemonLog: log, threads, publisher, guards, judged },
      ...{ account: new Account(account, 'control'), bans: parts.bans, traces: parts.traces },
      ...{ drain: () => void daemon.drain(), cache: capabilities.side('cache'), places },
      hostRules: parts.openHostRules(config.hosts),
      listening: () => urlsOf(all),
      hostNames: () => answers.hostNames(),
    });
    await threads.start(all);
    announce(journal, config, { ...all, admin: parts.operation.listeners.places });
    parts.watchdog = Watchdog.begin(io.manager, { threads, publisher });
    void parts.cron?.start();
    begin({ config, answers, practises: io.practises }, { journal, publisher, threads });
    return daemon;
  } catch (error) {
    await parts.stop('force');
    throw asStateFault(error, config.stateDirectory);
  }
}

function openLog(config: Config, io: DaemonIo): DaemonLog {
  const log = new DaemonLog(config, io.output);
  logUnhandled(log.journal);
  return log;
}

/** What nobody waits for. */
function begin(
  from: Pick<DaemonIo, 'practises'> & {
    readonly config: Config;
    readonly answers: ControlAnswers;
  },
  parts: PracticeParts,
): void {
  if (from.config.folder !== undefined) openEarly(from.answers);
  if (from.practises === true) void practiseLater(parts);
}

/** The one folder comes into use before the first visitor, who is told what is wrong with it. */
function openEarly(answers: ControlAnswers): void {
  answers.answer({ ask: 'site', hostName: undefined }).catch(() => undefined);
}

/** What becomes of folders. */
function openPublisher(
  config: Config,
  counters: CounterBook,
  from: Omit<PublisherOptions, 'config' | 'counterRows' | 'onJudged' | 'variable' | 'variables'> & {
    readonly judged: Histogram;
  },
): Promise<Publisher> {
  const { judged, ...rest } = from;
  return Publisher.open({
    ...{ ...rest, config },
    onJudged: (ms) => judged.add(ms / 1_000),
    counterRows: (key, paths) => counters.rowsOf(key, paths),
    variable: grantedVariables(config.secrets.variables, process.env),
    variables: readFolderVariables(config.variablesFile),
  });
}

/** What changes is told to every thread. */
function tellNews(
  { ticketKeys }: RunningParts,
  publisher: Publisher,
  threads: ServingThreads,
): void {
  publisher.onPublish((site) => threads.publish(site));
  publisher.onReplaced((digest) => threads.tell({ kind: 'module-replaced', digest }));
  ticketKeys?.rotate((keys) => threads.tell({ kind: 'ticket-keys', keys }));
}

function openAnswers(
  config: Config,
  parts: RunningParts,
  from: Pick<
    AnswersOptions,
    'folder' | 'locator' | 'resolver' | 'guards' | 'publisher' | 'sealingKeys'
  > & {
    readonly journal: Journal;
    readonly capabilities: ControlSides;
  },
): ControlAnswers {
  const { journal, ...rest } = from;
  const served = new ServedAddresses({
    resolver: rest.resolver,
    nowMs,
    onChange: (addresses) => from.capabilities.side('fetch').learnServedAddresses(addresses),
  });
  return new ControlAnswers({
    ...rest,
    config,
    panelName: config.dashboard.hostName,
    hostRules: parts.openHostRules(config.hosts),
    logins: openLogins(config, journal, parts),
    compressor: openCompressor(config, journal, parts),
    certificates: () => parts.certificates,
    checkBans: (hostName, folderKey) => requireNoBan(parts.bans?.rules, hostName, folderKey),
    nowMs,
    onServed: (hostName, folderKey) => {
      served.note(hostName, ownerOf(folderKey));
      parts.cron?.note(hostName, folderKey);
    },
  });
}

/** With the keys of tickets, where there is TLS. */
async function openTls(
  config: Config,
  parts: RunningParts,
  from: {
    readonly resolver: Resolver;
    readonly answers: ControlAnswers;
    readonly store: SharedStore;
    readonly isClockTrusted: () => boolean;
  },
): Promise<Certificates | undefined> {
  const { answers, isClockTrusted, resolver, store } = from;
  const certificates = await openCertificates({
    ...{ config, isClockTrusted, journal: parts.journal, resolver, store },
    servedName: (hostName, clientAddress) => answers.servedName(hostName, clientAddress),
    onChange: () => parts.threads?.tell({ kind: 'certificates-changed' }),
  });
  if (certificates !== undefined) parts.ticketKeys = await openTicketKeys(config, parts, store);
  return certificates;
}

/** One thread where the system cannot share a port among several. */
async function limitThreads(config: Config): Promise<Config> {
  if (config.threads === 1 || (await canSharePorts())) return config;
  return { ...config, threads: 1 };
}

function openThreads(
  parts: RunningParts,
  from: Pick<ThreadsOptions, 'account' | 'capabilities' | 'config'> & {
    readonly log: DaemonLog;
    readonly counters: CounterBook;
    readonly answers: ControlAnswers;
  },
): ServingThreads {
  const { account, answers, capabilities, config, counters, log } = from;
  parts.threads = new ServingThreads({
    ...{ config, journal: log.journal, account, capabilities },
    logQueueOf: (threadNumber) => log.writer.queueOf(threadNumber),
    traceQueueOf: (threadNumber) => parts.traces?.queueOf(threadNumber),
    counterPageOf: (threadNumber) => counters.pageOf(threadNumber),
    answer: (question) => answers.answer(question),
    ticketKeys: () => parts.ticketKeys?.current,
    bans: () => parts.bans?.rules ?? noBans,
    onReady: (digest) => parts.publisher?.probation.noteReady(digest),
  });
  return parts.threads;
}

function createDaemon(endpoints: readonly Endpoint[], parts: RunningParts): Daemon {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let draining: Promise<void> | undefined;
  return {
    endpoints,
    closed,
    drain(limitMs) {
      draining ??= parts.stop('drain', limitMs).then(resolve);
      return draining;
    },
    force() {
      void parts.threads?.terminate();
      void parts.stop('force').then(resolve);
    },
    async reload() {
      // A signal has nobody to answer to: the journal has been told why it failed.
      await parts.reload().catch(() => undefined);
    },
    noteIgnored(signal) {
      parts.journal.tell('signal-ignored', { signal });
    },
  };
}

function openCounters({ limits, threads }: Config): CounterBook {
  return new CounterBook({ threads, rowsMax: limits.metricRowsMax, nowMs });
}

function openAccount({ threads, processMemoryBytesMax, limits }: Config): SharedArrayBuffer {
  return createSharedAccount({
    threads,
    bytesMax: processMemoryBytesMax,
    memoriesMax: limits.instancesMax,
  });
}

function openReclaimer(
  config: Config,
  journal: Journal,
  parts: Pick<ReclaimerOptions, 'publisher' | 'store' | 'locator'>,
): Reclaimer {
  const reclaimer = new Reclaimer({
    ...parts,
    journal,
    isFolderMode: config.folder !== undefined,
    // What several nodes share is taken back by none of them.
    databasePath: config.cluster.servers.length > 0 ? undefined : storePath(config.stateDirectory),
    goneKeptDays: config.limits.goneKeptDays,
    nowMs: Date.now,
  });
  reclaimer.start();
  return reclaimer;
}

function openCompressor({ limits }: Config, journal: Journal, parts: RunningParts): Compressor {
  parts.compressor = new Compressor({
    bytesMax: limits.compressedBytesMax / 2,
    nowMs,
    onTrouble: (reason) => journal.tell('compress-trouble', { reason }),
  });
  return parts.compressor;
}

/** Undefined where the operator wants none. */
function openCron(
  parts: RunningParts,
  from: Omit<CronParts, 'call' | 'hostRules'> & { readonly threads: ServingThreads },
): Cron | undefined {
  const { threads, ...rest } = from;
  if (!from.config.cron.isEnabled) return undefined;
  return new Cron({
    ...rest,
    hostRules: parts.openHostRules(from.config.hosts),
    call: (order, limitMs) => threads.callAtItsTime(order, limitMs),
  });
}

function openLogins(config: Config, journal: Journal, parts: RunningParts): Logins {
  const onTrouble = (reason: string): void => journal.tell('logins-trouble', { reason });
  const store = config.cluster.hasSharedLogins ? parts.shared : undefined;
  const shared = store && new SharedLogins({ store, rule: perFolder, wallMs: Date.now });
  parts.logins = new Logins({ limits: config.limits, nowMs, onTrouble, shared });
  return parts.logins;
}

/** The first line says where it really listens, for people and for programs that start it. */
function announce(
  journal: Journal,
  config: Config,
  endpoints: ThreadEndpoints & { readonly admin: readonly string[] },
): void {
  const what =
    config.folder ?? config.mounts.map((mount) => `${mount.prefix}=${mount.directory}`).join(', ');
  const { threads } = config;
  const listening = urlsOf(endpoints);
  journal.tell('serving', { listening, threads, cores: availableParallelism(), what });
  const { admin } = endpoints;
  if (admin.length > 0) journal.tell('admin-listening', { admin });
}

function urlsOf({ plain, tls }: ThreadEndpoints): readonly string[] {
  return [
    ...plain.map((endpoint) => `http://${formatEndpoint(endpoint)}`),
    ...tls.map((endpoint) => `https://${formatEndpoint(endpoint)}`),
  ];
}

function nowMs(): number {
  return performance.now();
}
