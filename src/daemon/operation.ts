/** Builds what operators see the daemon by, from its parts: the admin listeners and their verbs. */

import { residentBytes } from '../account/resident-bytes.ts';
import { BanBook } from '../admin/bans.ts';
import { Dashboard } from '../admin/dashboard/dashboard.ts';
import type { Feedback } from '../admin/feedback/feedback.ts';
import { History, tickMs } from '../admin/history.ts';
import { AdminListeners, adminToken } from '../admin/listeners.ts';
import { LogTurns } from '../admin/log-turns.ts';
import { NameDoctor } from '../admin/name-doctor.ts';
import type { OwnerPanel } from '../admin/owners/panel.ts';
import { Pulse } from '../admin/pulse.ts';
import type { Route } from '../admin/request.ts';
import { DaemonSeries } from '../admin/series/daemon-series.ts';
import { ModuleSeries } from '../admin/series/module-series.ts';
import { statusOf } from '../admin/verbs/status.ts';
import { allRoutes } from '../admin/verbs.ts';
import type { AdminWorld, DaemonControl } from '../admin/world.ts';
import type { Config } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import { describeError } from '../errors.ts';
import type { CounterBook } from '../journal/counter-book.ts';
import type { Journal } from '../journal/journal.ts';
import { LogRing } from '../journal/log-ring.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import type { BanRules } from '../site/bans.ts';
import type { HostRules } from '../site/hosts.ts';
import { Backups } from './backups.ts';
import type { DaemonLog } from './daemon-log.ts';
import { openFeedback } from './feedback.ts';
import { openOwnerPanel } from './owner-panel.ts';
import type { Places } from './places.ts';

const secondMs = 1_000;
/** Seconds that go along with each pulse: one more than pass between two. */
const pulseSteps = 3;

export interface OperationParts
  extends Omit<
    AdminWorld,
    | 'clockMs'
    | 'control'
    | 'daemonSeries'
    | 'dashboard'
    | 'doctor'
    | 'events'
    | 'history'
    | 'log'
    | 'logTurns'
    | 'moduleSeries'
    | 'nowMs'
    | 'pulse'
    | 'readLog'
    | 'version'
  > {
  readonly daemonLog: DaemonLog;
  readonly guards: MountGuards;
  readonly places: Pick<Places, 'locator'>;
  readonly hostRules: HostRules;
  readonly resolver: Resolver;
  readonly publisher: Publisher;
  readonly counters: CounterBook;
  readonly control: Omit<DaemonControl, 'backup'>;
  readonly version: string;
}

interface OpenParts {
  readonly listeners: AdminListeners;
  readonly dashboard: Dashboard;
  readonly panel: OwnerPanel | undefined;
  readonly pulse: Pulse;
  readonly ticks: readonly NodeJS.Timeout[];
  readonly feedback: Feedback | undefined;
}

export class Operation {
  readonly listeners: AdminListeners;
  readonly #parts: OpenParts;

  private constructor(parts: OpenParts) {
    this.listeners = parts.listeners;
    this.#parts = parts;
  }

  /** @throws TerrafirmaError `config`, `start`. */
  static async open(parts: OperationParts): Promise<Operation> {
    const { config, control, counters, journal } = parts;
    const history = new History(counters);
    const moduleSeries = new ModuleSeries(Date.now);
    const daemonSeries = openDaemonSeries(parts);
    const backups = new Backups(config.stateDirectory);
    const dashboard = openDashboard(parts, () => routes);
    const pulse = new Pulse(
      async () => ({ ...(await statusOf(world)), ...daemonSeries.read(1, pulseSteps) }),
      (error) => journal.tell('admin-trouble', { reason: describeError(error) }),
    );
    const logTurns = new LogTurns(nowMs);
    const world: AdminWorld = {
      ...parts,
      ...{ logTurns, readLog: logTurns.readerFor() },
      ...{ history, moduleSeries, daemonSeries, dashboard, pulse },
      doctor: new NameDoctor(parts),
      events: parts.daemonLog.events,
      log: new LogRing(parts.daemonLog.writer.ring),
      control: {
        get isDraining() {
          return control.isDraining;
        },
        drain: () => control.drain(),
        reload: () => control.reload(),
        runSchedule: (folderKey, entry) => control.runSchedule(folderKey, entry),
        backup: (directory) => backups.make(directory),
      },
      nowMs: Date.now,
      clockMs: nowMs,
    };
    const routes = allRoutes(world);
    const listeners = await AdminListeners.open({ config, journal, nowMs, routes, dashboard });
    const longTick = (): void => {
      history.tick();
      moduleSeries.tick(counters.sums());
    };
    const ticks = [
      setInterval(longTick, tickMs).unref(),
      setInterval(() => daemonSeries.tick(), secondMs).unref(),
    ];
    const { assets } = dashboard;
    const panel = await openOwnerPanel({ ...parts, world, assets, nowMs });
    const feedback = openFeedback({
      ...{ ...parts, history, log: world.log },
      sessionsOf: (key) => panel?.sessionsOf(key) ?? [],
    });
    return new Operation({ listeners, dashboard, panel, pulse, ticks, feedback });
  }

  async close(): Promise<void> {
    const { dashboard, feedback, listeners, panel, pulse, ticks } = this.#parts;
    for (const timer of ticks) clearInterval(timer);
    pulse.close();
    await feedback?.close();
    await dashboard.close();
    await panel?.close();
    await listeners.close();
  }
}

function openDaemonSeries({ counters, threads }: OperationParts): DaemonSeries {
  return new DaemonSeries({
    counters,
    looks: () => threads.looks(),
    residentBytes,
    nowMs: Date.now,
  });
}

function openDashboard(
  { config, journal, version }: OperationParts,
  routes: () => readonly Route[],
): Dashboard {
  const { admin, limits, stateDirectory } = config;
  const hasTcp = admin.listen.some(({ kind }) => kind === 'tcp');
  return new Dashboard({
    ...{ journal, limits, stateDirectory, version, routes, nowMs },
    token: () => (hasTcp ? adminToken(config) : undefined),
    wallMs: Date.now,
  });
}

/** @throws TerrafirmaError `state`. */
export function openBans(
  { proxies, stateDirectory }: Config,
  journal: Journal,
  onChange: (rules: BanRules) => void,
): BanBook {
  const { trustedCidrs } = proxies;
  const onTrouble = (error: unknown): void => {
    const reason = `bans that have ended are still in force: ${describeError(error)}`;
    journal.tell('admin-trouble', { reason });
  };
  return new BanBook({ stateDirectory, trustedCidrs, nowMs: Date.now, onChange, onTrouble });
}

function nowMs(): number {
  return performance.now();
}
