/**
 * Tells systemd how the daemon is (sd_notify(3)): ready, reloading, stopping, alive. Touches the
 * socket that `NOTIFY_SOCKET` names; without one nothing is told.
 */
import { SocketCalls } from './system-calls.ts';

export class ServiceManager {
  readonly #calls: SocketCalls | undefined;
  readonly #socket: string | undefined;
  /** How often it wants to hear that we are alive; undefined: never. */
  readonly watchdogMs: number | undefined;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC } = environment;
    this.#socket = NOTIFY_SOCKET === '' ? undefined : NOTIFY_SOCKET;
    this.#calls = this.#socket === undefined ? undefined : SocketCalls.open();
    const microseconds = Number(WATCHDOG_USEC);
    this.watchdogMs = microseconds > 0 ? microseconds / 1_000 : undefined;
  }

  /** The daemon that answers may be a child of the process that systemd has started. */
  tellReady(status: string): void {
    this.#tell(`READY=1\nMAINPID=${process.pid}\nSTATUS=${oneLine(status)}`);
  }

  tellStatus(status: string): void {
    this.#tell(`STATUS=${oneLine(status)}`);
  }

  /** `READY=1` follows when it is over. */
  tellReloading(): void {
    const microseconds = process.hrtime.bigint() / 1_000n;
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${microseconds}`);
  }

  tellStopping(): void {
    this.#tell('STOPPING=1');
  }

  tellAlive(): void {
    this.#tell('WATCHDOG=1');
  }

  #tell(message: string): void {
    if (this.#socket !== undefined) this.#calls?.sendTo(this.#socket, message);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\n\r]/g, ' ');
}
