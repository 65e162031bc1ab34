/** What of the daemon has been started so far; stopped in reverse, however far the start came. */
import { setTimeout as wait } from 'node:timers/promises';
import type { BanBook } from '../admin/bans.ts';
import type { ReloadReport } from '../admin/world.ts';
import type { ControlSides } from '../capability/control.ts';
import type { HostsConfig } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import { describeError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { StateLock } from '../outside/state/lock.ts';
import type { SharedStore } from '../outside/store/contract.ts';
import type { NodePresence } from '../outside/store/nodes.ts';
import type { StoreKeeper } from '../outside/store/store-keeper.ts';
import { HostRules } from '../site/hosts.ts';
import type { Certificates } from '../tls/certificates.ts';
import type { TicketKeys } from '../tls/ticket-keys.ts';
import type { BlobSweeper } from './blob-sweeper.ts';
import type { Compressor } from './compress/compressor.ts';
import type { Cron } from './cron/open.ts';
import type { DaemonLog } from './daemon-log.ts';
import type { Logins } from './logins/logins.ts';
import type { Operation } from './operation.ts';
import type { Reclaimer } from './reclaim.ts';
import type { Reloads } from './reloads.ts';
import type { ServingThreads } from './threads.ts';
import type { Traces } from './traces/traces.ts';
import type { Watchdog } from './watchdog.ts';

/** How long the end waits for a collector of traces. */
const tracesFlushMs = { drain: 2_000, force: 0 } as const;
/** How long the end waits for whoever reads the log. */
const logFlushMs = { drain: 2_000, force: 200 } as const;

export class RunningParts {
  readonly #lock: StateLock;
  readonly #log: DaemonLog;
  readonly #leadMs: number;
  keeper: StoreKeeper | undefined;
  shared: SharedStore | undefined;
  presence: NodePresence | undefined;
  sweeper: BlobSweeper | undefined;
  capabilities: ControlSides | undefined;
  reclaimer: Reclaimer | undefined;
  cron: Cron | undefined;
  publisher: Publisher | undefined;
  certificates: Certificates | undefined;
  ticketKeys: TicketKeys | undefined;
  logins: Logins | undefined;
  compressor: Compressor | undefined;
  threads: ServingThreads | undefined;
  traces: Traces | undefined;
  bans: BanBook | undefined;
  operation: Operation | undefined;
  watchdog: Watchdog | undefined;
  /** Undefined where nobody knows where the configuration came from. */
  reloads: Reloads | undefined;
  /** All that the control plane has: a configuration that is read again changes them together. */
  readonly hostRules: HostRules[] = [];
  isStopping = false;

  /** `leadMs`: for how long it only says that it will stop, before it does. */
  constructor(lock: StateLock, log: DaemonLog, leadMs: number) {
    this.#lock = lock;
    this.#log = log;
    this.#leadMs = leadMs;
  }

  get journal(): Journal {
    return this.#log.journal;
  }

  openHostRules(hosts: HostsConfig): HostRules {
    const rules = new HostRules(hosts);
    this.hostRules.push(rules);
    return rules;
  }

  /** Rejects with TerrafirmaError `config`: nothing has changed then. */
  async reload(): Promise<ReloadReport> {
    if (this.reloads === undefined) return { changed: [], needRestart: [] };
    this.watchdog?.tellReloading();
    try {
      return await this.reloads.reload();
    } finally {
      this.watchdog?.tellReady();
    }
  }

  async stop(how: 'drain' | 'force', limitMs?: number): Promise<void> {
    const drain = how === 'drain';
    this.isStopping = true;
    this.watchdog?.tellStopping();
    if (drain && this.#leadMs > 0) await wait(this.#leadMs);
    this.cron?.rest();
    await this.#step(() => (drain ? this.threads?.drain(limitMs) : this.threads?.terminate()));
    await this.#step(() => this.traces?.close(tracesFlushMs[how]));
    this.watchdog?.close();
    await this.#step(() => this.operation?.close());
    this.bans?.close();
    await this.#step(() => this.cron?.close());
    await this.#step(() => this.ticketKeys?.close());
    await this.#step(() => this.certificates?.close());
    await this.#step(() => this.logins?.close());
    await this.#step(() => this.compressor?.close());
    await this.#step(() => this.reclaimer?.stop());
    await this.#step(() => this.publisher?.close());
    await this.#step(() => this.capabilities?.close());
    this.presence?.close();
    await this.#step(() => this.sweeper?.close());
    await this.#step(() => this.shared?.close());
    await this.#step(() => this.keeper?.close());
    this.#lock.release();
    if (drain) this.journal.tell('stopped', {});
    await this.#log.close(logFlushMs[how]);
  }

  /** A part that fails to stop must not keep the others from it. */
  async #step(stop: () => Promise<void> | undefined): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.journal.tell('stop-failed', { errorDetail: describeError(error) });
    }
  }
}
