/** What the admin listener sees of the daemon and does to it: the control plane gives it. */
import type { Account } from '../account/account.ts';
import type { Config } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import type { CounterBook } from '../journal/counter-book.ts';
import type { Histogram } from '../journal/histogram.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogRing } from '../journal/log-ring.ts';
import type { TraceRecord } from '../journal/trace-record.ts';
import type { FolderKey, HostName } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { SharedStore } from '../outside/store/contract.ts';
import type { EngineLook } from '../outside/store/store-keeper.ts';
import type { CronEntry } from '../site/settings/cron.ts';
import type { ThreadLook } from '../threads/gauges.ts';
import type { CronEnd, ToThread } from '../threads/messages.ts';
import type { OperatorAnswer, OperatorQuestion } from '../threads/operator-messages.ts';
import type { Certificates } from '../tls/certificates.ts';
import type { BanBook } from './bans.ts';
import type { Dashboard } from './dashboard/dashboard.ts';
import type { EventBook } from './event-book.ts';
import type { History } from './history.ts';
import type { LogTurns, ReadLog } from './log-turns.ts';
import type { NameDoctor } from './name-doctor.ts';
import type { Pulse } from './pulse.ts';
import type { DaemonSeries } from './series/daemon-series.ts';
import type { ModuleSeries } from './series/module-series.ts';

export interface AdminWorld {
  readonly version: string;
  readonly startedAtMs: number;
  /** Undefined: the daemon was told everything by flags and the environment. */
  readonly configFile: string | undefined;
  /** As the daemon was started with it. */
  readonly config: Config;
  /** With what was swapped by a reload since. */
  readonly configInForce: () => Config;
  /** URLs. */
  readonly listening: () => readonly string[];
  readonly journal: Journal;
  readonly account: Account;
  readonly cache: CacheView;
  readonly counters: Pick<CounterBook, 'sums'>;
  readonly history: Pick<History, 'growth'>;
  readonly daemonSeries: Pick<DaemonSeries, 'controlLagMs' | 'read'>;
  readonly moduleSeries: Pick<ModuleSeries, 'cpu' | 'read'>;
  readonly pulse: Pick<Pulse, 'watch'>;
  readonly dashboard: Pick<Dashboard, 'routes'>;
  readonly events: EventBook;
  readonly log: LogRing;
  readonly logTurns: LogTurns;
  /** As whoever asks may read it. */
  readonly readLog: ReadLog;
  readonly bans: BanBook;
  readonly threads: ThreadsView;
  readonly publisher: Pick<Publisher, 'acceptCopy' | 'folders' | 'versions' | 'rollBack'>;
  /** Undefined: no traces are made. */
  readonly traces: TracesView | undefined;
  /** How long modules took to be judged. */
  readonly judged: Histogram;
  readonly resolver: Pick<Resolver, 'ask' | 'counts' | 'known' | 'forget' | 'record'>;
  readonly doctor: Pick<NameDoctor, 'look'>;
  /** Of the resolver's times. */
  readonly clockMs: () => number;
  readonly store: Pick<SharedStore, 'read' | 'commit' | 'list' | 'state' | 'streams'>;
  /** How the engine of several nodes is; undefined on one machine. */
  readonly engine: () => EngineLook | undefined;
  /** What guests have stored, in bytes; undefined of several nodes, whose servers know it. */
  readonly guestBytes: () => number | undefined;
  /** What the state takes of the disk; undefined where that is not known. */
  readonly stateBytes: () => Promise<number | undefined>;
  readonly certificates: () => Certificates | undefined;
  /** Names that led to a folder lately. */
  readonly hostNames: () => Iterable<readonly [HostName, FolderKey]>;
  /** What is shown of a line or an event; left out: all of it. */
  readonly showLine?: (line: unknown) => unknown;
  /** Whose certificates are told; left out: all. */
  readonly isOwnName?: (hostName: HostName) => boolean;
  readonly control: DaemonControl;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** The caches of all sites. */
export interface CacheView {
  readonly counts: Readonly<
    Record<'hits' | 'misses' | 'collapsed' | 'stored' | 'evicted' | 'purged', number>
  >;
  readonly held: { readonly bytes: number; readonly objects: number };
}

/** What became of traces. */
export interface TracesView {
  readonly counts: Readonly<Record<'sent' | 'dropped' | 'failed', number>>;
  traceOf(requestId: string): TraceRecord | undefined;
}

export interface ThreadsView {
  looks(): readonly ThreadLook[];
  readonly replaced: Readonly<Record<'crashed' | 'stuck', number>>;
  tell(message: ToThread): void;
  ask(question: OperatorQuestion): Promise<readonly OperatorAnswer[]>;
}

/** What an operator does to the daemon as a whole. */
export interface DaemonControl {
  readonly isDraining: boolean;
  /** Stops accepting and ends, within the drain limit. */
  drain(): void;
  /** Reads the configuration again. Rejects with TerrafirmaError `config` where it is wrong. */
  reload(): Promise<ReloadReport>;
  /** Calls what a schedule calls, now. Rejects with TerrafirmaError where it cannot be. */
  runSchedule(folderKey: FolderKey, entry: CronEntry): Promise<CronEnd>;
  /** Copies everything that is kept into a new directory. Rejects with TerrafirmaError. */
  backup(directory: string): Promise<BackupReport>;
}

export interface ReloadReport {
  /** Settings that are in force now. */
  readonly changed: readonly string[];
  /** Settings that hold from the next start on. */
  readonly needRestart: readonly string[];
}

export interface BackupReport {
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
}
