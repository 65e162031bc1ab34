/** What a service manager is told while the daemon runs: that it is alive, and what it serves. */
import { counted } from '../amounts.ts';
import type { Publisher } from '../deploy/publish.ts';
import type { ServiceManager } from '../outside/sockets/notify.ts';
import type { ServingThreads } from './threads.ts';

export interface WatchdogParts {
  readonly threads: Pick<ServingThreads, 'looks'>;
  readonly publisher: Pick<Publisher, 'folders'>;
}

const statusMs = 10_000;
/** A thread whose heartbeat is older does not serve right now. */
const beatAgeMsMax = 5_000;

export class Watchdog {
  readonly #manager: ServiceManager;
  readonly #parts: WatchdogParts;
  readonly #timers: readonly NodeJS.Timeout[];
  #told = '';

  private constructor(manager: ServiceManager, parts: WatchdogParts) {
    this.#manager = manager;
    this.#parts = parts;
    const { watchdogMs } = manager;
    const timers = [setInterval(() => this.#tellStatus(), statusMs)];
    if (watchdogMs !== undefined) {
      timers.push(setInterval(() => this.#tellAlive(), watchdogMs / 2));
    }
    for (const timer of timers) timer.unref();
    this.#timers = timers;
  }

  /** Says that the daemon is ready; undefined where there is nobody to be told. */
  static begin(manager: ServiceManager | undefined, parts: WatchdogParts): Watchdog | undefined {
    if (manager === undefined) return undefined;
    const watchdog = new Watchdog(manager, parts);
    watchdog.#told = watchdog.#status();
    manager.tellReady(watchdog.#told);
    return watchdog;
  }

  /** The configuration is read again; `tellReady` says that it was. */
  tellReloading(): void {
    this.#manager.tellReloading();
  }

  tellReady(): void {
    this.#manager.tellReady(this.#status());
  }

  tellStopping(): void {
    this.#manager.tellStopping();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #tellStatus(): void {
    const status = this.#status();
    if (status !== this.#told) this.#manager.tellStatus(status);
    this.#told = status;
  }

  /** That this runs says that the control plane turns; a service without threads is none. */
  #tellAlive(): void {
    const looks = this.#parts.threads.looks();
    if (looks.some(({ beatAgeMs }) => beatAgeMs < beatAgeMsMax)) this.#manager.tellAlive();
  }

  #status(): string {
    const folders = this.#parts.publisher.folders();
    const refused = folders.reduce((sum, folder) => sum + folder.refused, 0);
    return `${counted(folders.length, 'site')}, ${counted(refused, 'module')} refused`;
  }
}
