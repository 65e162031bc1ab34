/**
 * The ACME directories in the operator's order. One that fails is left alone for a while and the
 * next one is tried; a name that cannot prove itself is not carried from one to the next.
 */
import type { X509Certificate } from 'node:crypto';
import type { HostName } from '../names.ts';
import type { AcmeClient, IssuedCertificate, OrderOptions, RenewalWindow } from './acme/client.ts';
import { AcmeError } from './acme/problem.ts';
import { registeredNameOf } from './gate.ts';

export interface DirectoryIssue extends IssuedCertificate {
  readonly directoryUrl: string;
}

export interface DirectoriesOptions {
  readonly clients: readonly AcmeClient[];
  readonly nowMs: () => number;
  /** Says what went wrong where, while another directory is tried. */
  readonly onTrouble: (message: string) => void;
}

const unavailableMsMin = 60_000;
const unavailableMsMax = 600_000;
const rateLimitedMs = 600_000;
/**
 * Most failures of an order may be the name's fault or the directory's, and the directory does not
 * say which: quotas are of accounts and of names alike, and an error of the server may come from
 * what it found at the name. Mallory's name must not be what keeps the directory from everybody:
 * only when orders of so many registered names in a row failed is it the directory.
 */
const failedNamesMax = 3;
/** The authority could not see the proof: the next one would not see it either. */
const unproven = new Set(['unauthorized', 'connection', 'dns', 'tls', 'incorrectResponse']);

export class Directories {
  readonly #options: DirectoriesOptions;
  readonly #health: ReadonlyMap<AcmeClient, DirectoryHealth>;

  constructor(options: DirectoriesOptions) {
    this.#options = options;
    const healths = options.clients.map((client) => [client, new DirectoryHealth()] as const);
    this.#health = new Map(healths);
  }

  get urls(): readonly string[] {
    return this.#options.clients.map((client) => client.directoryUrl);
  }

  /**
   * Rejects with the AcmeError of the last directory that was tried; of scope `directory` while all
   * of them rest, with the time until the first is asked again.
   */
  async order(hostName: HostName, options: OrderOptions): Promise<DirectoryIssue> {
    let last: AcmeError | undefined;
    for (const [client, health] of this.#health) {
      if (health.restsUntilMs > this.#options.nowMs()) continue;
      let isOrdered = false;
      const onOrdered = (): void => {
        isOrdered = true;
        options.onOrdered?.();
      };
      try {
        const issued = await client.order(hostName, { ...options, onOrdered });
        health.takeSuccess();
        return { ...issued, directoryUrl: client.directoryUrl };
      } catch (error) {
        if (!(error instanceof AcmeError)) throw error;
        // Before there is an order, "unauthorized" is said of our account.
        if (isOrdered && unproven.has(error.problemType)) throw error;
        this.#options.onTrouble(`${client.directoryUrl}: ${error.message}`);
        health.takeFailure(error, registeredNameOf(hostName) ?? hostName, this.#options.nowMs());
        last = error;
      }
    }
    throw last?.scope === 'order' ? last : this.#allRest(last);
  }

  /** Asks the directory that issued `certificate`; undefined when it does not say. */
  async renewalWindow(
    directoryUrl: string,
    certificate: X509Certificate,
  ): Promise<RenewalWindow | undefined> {
    const client = this.#options.clients.find((one) => one.directoryUrl === directoryUrl);
    return client?.renewalWindow(certificate);
  }

  async close(): Promise<void> {
    await Promise.all(this.#options.clients.map((client) => client.close()));
  }

  #allRest(cause: AcmeError | undefined): AcmeError {
    const untilMs = Math.min(...[...this.#health.values()].map((one) => one.restsUntilMs));
    const rule = 'a directory must be reachable: received failures from all';
    const message = cause?.message ?? `Cannot order a certificate: ${rule}`;
    return new AcmeError('unavailable', message, {
      cause,
      scope: 'directory',
      retryAfterMs: Math.max(0, untilMs - this.#options.nowMs()),
    });
  }
}

/** How one directory has done lately, and until when it is left alone. */
class DirectoryHealth {
  restsUntilMs = 0;
  /** Rests in a row: each is twice as long. */
  #rests = 0;
  /** Registered names whose orders failed, since it last issued something. */
  readonly #failedNames = new Set<string>();

  takeSuccess(): void {
    this.restsUntilMs = 0;
    this.#rests = 0;
    this.#failedNames.clear();
  }

  takeFailure(error: AcmeError, registeredName: string, nowMs: number): void {
    if (error.scope === 'order') {
      if (error.fault === 'rejected') return;
      this.#failedNames.add(registeredName);
      if (this.#failedNames.size < failedNamesMax) return;
    }
    this.#failedNames.clear();
    this.restsUntilMs = nowMs + this.#restMs(error);
  }

  #restMs({ fault, retryAfterMs = 0 }: AcmeError): number {
    const usualMs = Math.min(unavailableMsMax, unavailableMsMin * 2 ** this.#rests);
    this.#rests = Math.min(this.#rests + 1, 16);
    // A quota says how long it lasts; of a name, though, and that may be a week.
    if (fault === 'rate-limited') return rateLimitedMs;
    return Math.max(usualMs, retryAfterMs);
  }
}
