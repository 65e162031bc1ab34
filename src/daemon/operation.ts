/** Builds what operators see the daemon by, from its parts: the admin listeners and their verbs. */
import { BanBook } from '../admin/bans.ts';
import type { Feedback } from '../admin/feedback/feedback.ts';
import { History, tickMs } from '../admin/history.ts';
import { AdminListeners } from '../admin/listeners.ts';
import { allRoutes } from '../admin/verbs.ts';
import type { AdminWorld, DaemonControl } from '../admin/world.ts';
import type { Config } from '../config/config.ts';
import type { CounterBook } from '../journal/counter-book.ts';
import { LogRing } from '../journal/log-ring.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import type { BanRules } from '../site/bans.ts';
import { Backups } from './backups.ts';
import type { DaemonLog } from './daemon-log.ts';
import { openFeedback } from './feedback.ts';

export interface OperationParts
  extends Omit<
    AdminWorld,
    'clockMs' | 'control' | 'events' | 'history' | 'log' | 'nowMs' | 'version'
  > {
  readonly daemonLog: DaemonLog;
  readonly guards: MountGuards;
  readonly counters: CounterBook;
  readonly control: Omit<DaemonControl, 'backup'>;
  readonly version: string;
}

export class Operation {
  readonly listeners: AdminListeners;
  readonly #ticks: NodeJS.Timeout;
  readonly #feedback: Feedback | undefined;

  private constructor(
    listeners: AdminListeners,
    ticks: NodeJS.Timeout,
    feedback: Feedback | undefined,
  ) {
    this.listeners = listeners;
    this.#ticks = ticks;
    this.#feedback = feedback;
  }

  /** @throws TerrafirmaError `config`, `start`. */
  static async open(parts: OperationParts): Promise<Operation> {
    const { config, control, counters, daemonLog, journal } = parts;
    const history = new History(counters);
    const backups = new Backups(config.stateDirectory);
    const world: AdminWorld = {
      ...parts,
      history,
      events: daemonLog.events,
      log: new LogRing(daemonLog.writer.ring),
      control: {
        get isDraining() {
          return control.isDraining;
        },
        drain: () => control.drain(),
        reload: () => control.reload(),
        backup: (directory) => backups.make(directory),
      },
      nowMs: Date.now,
      clockMs: nowMs,
    };
    const listeners = await AdminListeners.open({
      ...{ config, journal, nowMs },
      routes: allRoutes(world),
    });
    const ticks = setInterval(() => history.tick(), tickMs).unref();
    return new Operation(listeners, ticks, openFeedback(parts));
  }

  async close(): Promise<void> {
    clearInterval(this.#ticks);
    await this.#feedback?.close();
    await this.listeners.close();
  }
}

/** @throws TerrafirmaError `state`. */
export function openBans(
  { proxies, stateDirectory }: Config,
  onChange: (rules: BanRules) => void,
): BanBook {
  const { trustedCidrs } = proxies;
  return new BanBook({ stateDirectory, trustedCidrs, nowMs: Date.now, onChange });
}

function nowMs(): number {
  return performance.now();
}
