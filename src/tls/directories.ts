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

const UNAVAILABLE_MS = 60_000;
const RATE_LIMITED_MS = 600_000;
/**
 * Authorities limit accounts and names alike, and do not say which it was. Mallory's name may be
 * over its limit, and must not be what keeps the directory from everybody: only when so many
 * registered names in a row were refused is it the account.
 */
const LIMITED_NAMES_MAX = 3;
/** The authority could not see the proof: the next one would not see it either. */
const UNPROVEN = new Set(['unauthorized', 'connection', 'dns', 'tls', 'incorrectResponse']);

export class Directories {
  readonly #options: DirectoriesOptions;
  readonly #restsUntilMs = new Map<AcmeClient, number>();
  /** Registered names that a directory said were too many, since it last issued something. */
  readonly #limited = new Map<AcmeClient, Set<string>>();

  constructor(options: DirectoriesOptions) {
    this.#options = options;
  }

  get urls(): readonly string[] {
    return this.#options.clients.map((client) => client.directoryUrl);
  }

  /** Rejects with the AcmeError of the last directory that was tried. */
  async order(hostName: HostName, options: OrderOptions): Promise<DirectoryIssue> {
    let last = new AcmeError(
      'unavailable',
      'Cannot order a certificate: a directory must be reachable: received failures from all',
    );
    for (const client of this.#options.clients) {
      if ((this.#restsUntilMs.get(client) ?? 0) > this.#options.nowMs()) continue;
      let isOrdered = false;
      const onOrdered = (): void => {
        isOrdered = true;
        options.onOrdered?.();
      };
      try {
        const issued = await client.order(hostName, { ...options, onOrdered });
        this.#restsUntilMs.delete(client);
        this.#limited.delete(client);
        return { ...issued, directoryUrl: client.directoryUrl };
      } catch (error) {
        if (!(error instanceof AcmeError)) throw error;
        // Before there is an order, "unauthorized" is said of our account.
        if (isOrdered && UNPROVEN.has(error.problemType)) throw error;
        this.#rest(client, hostName, error);
        last = error;
      }
    }
    throw last;
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

  #rest(client: AcmeClient, hostName: HostName, error: AcmeError): void {
    const { nowMs, onTrouble } = this.#options;
    onTrouble(`${client.directoryUrl}: ${error.message}`);
    if (error.fault === 'unavailable') {
      const restMs = Math.max(error.retryAfterMs ?? 0, UNAVAILABLE_MS);
      this.#restsUntilMs.set(client, nowMs() + restMs);
    } else if (error.fault === 'rate-limited' && this.#countLimited(client, hostName)) {
      this.#restsUntilMs.set(client, nowMs() + RATE_LIMITED_MS);
    }
  }

  /** True when it is the account that is limited; the count begins anew. */
  #countLimited(client: AcmeClient, hostName: HostName): boolean {
    const names = this.#limited.get(client) ?? new Set();
    names.add(registeredNameOf(hostName) ?? hostName);
    this.#limited.set(client, names);
    return names.size >= LIMITED_NAMES_MAX && this.#limited.delete(client);
  }
}
