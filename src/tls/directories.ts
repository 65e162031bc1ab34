/**
 * The ACME directories in the operator's order. One that fails is left alone for a while and the
 * next one is tried; a name that cannot prove itself is not carried from one to the next.
 */
import type { X509Certificate } from 'node:crypto';
import type { HostName } from '../names.ts';
import type { AcmeClient, IssuedCertificate, OrderOptions, RenewalWindow } from './acme/client.ts';
import { AcmeError } from './acme/problem.ts';

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
const RATE_LIMITED_MS = 3_600_000;
/** The authority could not see the proof: the next one would not see it either. */
const UNPROVEN = new Set(['unauthorized', 'connection', 'dns', 'tls', 'incorrectResponse']);

export class Directories {
  readonly #options: DirectoriesOptions;
  readonly #restsUntilMs = new Map<AcmeClient, number>();

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
      try {
        const issued = await client.order(hostName, options);
        this.#restsUntilMs.delete(client);
        return { ...issued, directoryUrl: client.directoryUrl };
      } catch (error) {
        if (!(error instanceof AcmeError)) throw error;
        if (UNPROVEN.has(error.problemType)) throw error;
        this.#rest(client, error);
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

  #rest(client: AcmeClient, error: AcmeError): void {
    this.#options.onTrouble(`${client.directoryUrl}: ${error.message}`);
    if (error.fault === 'rejected') return;
    const usualMs = error.fault === 'rate-limited' ? RATE_LIMITED_MS : UNAVAILABLE_MS;
    const restMs = Math.max(error.retryAfterMs ?? 0, usualMs);
    this.#restsUntilMs.set(client, this.#options.nowMs() + restMs);
  }
}
