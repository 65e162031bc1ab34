/**
 * Our account at one ACME directory (RFC 8555, section 7.3): opened when it is first needed, opened
 * again where it was lost, and every signed request goes out by it. What may pass is repeated.
 */
import type { KeyObject } from 'node:crypto';
import { type Directory, readDirectory } from './directory.ts';
import { bindExternalAccount, type ExternalAccount } from './jws.ts';
import type { Patience } from './patience.ts';
import { AcmeError } from './problem.ts';
import type { AcmeAnswer, AcmeTransport } from './transport.ts';

export interface AccountOptions {
  readonly directoryUrl: string;
  readonly accountKey: KeyObject;
  readonly contacts: readonly string[];
  readonly external: ExternalAccount | undefined;
  readonly transport: AcmeTransport;
  readonly patience: Patience;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** What a request is for, and when it is too late for it. */
export interface Errand {
  /** For failures: "Cannot <action>: …". */
  readonly action: string;
  /** Milliseconds since the Unix epoch. */
  readonly deadlineMs: number;
}

const directoryTtlMs = 6 * 3_600_000;

export class AcmeAccount {
  readonly #options: AccountOptions;
  #directory: { readonly value: Directory; readonly expiresAtMs: number } | undefined;
  #url: Promise<string> | undefined;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /** Rejects with AcmeError of scope `directory`. */
  async directory({ deadlineMs }: Errand): Promise<Directory> {
    const { directoryUrl, nowMs, patience, transport } = this.#options;
    if (this.#directory !== undefined && nowMs() < this.#directory.expiresAtMs) {
      return this.#directory.value;
    }
    const action = 'read the ACME directory';
    const value = await ofDirectory(() =>
      patience.repeat(
        async () => readDirectory((await transport.get(directoryUrl, action)).body, directoryUrl),
        { action, deadlineMs, isRead: true },
      ),
    );
    this.#directory = { value, expiresAtMs: nowMs() + directoryTtlMs };
    return value;
  }

  /** POST-as-GET (RFC 8555, section 6.3). Rejects with AcmeError. */
  read(url: string, errand: Errand): Promise<AcmeAnswer> {
    return this.#post(url, undefined, errand);
  }

  /** A signed POST, which may reach the server more than once. Rejects with AcmeError. */
  send(url: string, payload: object, errand: Errand): Promise<AcmeAnswer> {
    return this.#post(url, payload, errand);
  }

  /** A directory that has lost our account (a test server after a restart) gets it again. */
  async #post(url: string, payload: object | undefined, errand: Errand): Promise<AcmeAnswer> {
    const { accountKey: key, patience, transport } = this.#options;
    const { newNonce } = await this.directory(errand);
    const effort = { ...errand, isRead: payload === undefined };
    const attempt = async (): Promise<AcmeAnswer> => {
      const accountUrl = await this.#open(errand);
      const { action } = errand;
      return await patience.repeat(
        () => transport.post({ url, payload, key, accountUrl, action }, newNonce),
        effort,
      );
    };
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AcmeError) || error.problemType !== 'accountDoesNotExist') throw error;
      this.#url = undefined;
      return await attempt();
    }
  }

  #open(errand: Errand): Promise<string> {
    this.#url ??= this.#openNew(errand).catch((error: unknown) => {
      this.#url = undefined;
      throw error;
    });
    return this.#url;
  }

  /** Also finds the account that this key has already (RFC 8555, section 7.3.1). */
  async #openNew(errand: Errand): Promise<string> {
    const {
      accountKey: key,
      contacts,
      directoryUrl,
      external,
      patience,
      transport,
    } = this.#options;
    const action = `open an account at ${new URL(directoryUrl).host}`;
    const directory = await this.directory(errand);
    const { newAccount, newNonce, needsExternalAccount } = directory;
    if (needsExternalAccount && external === undefined) {
      const rule = 'the directory needs acme.external_key_id and acme.external_key_file';
      const message = `Cannot ${action}: ${rule}: received neither`;
      throw new AcmeError('unavailable', message, { scope: 'directory' });
    }
    const payload = {
      termsOfServiceAgreed: true,
      contact: contacts.map((address) => `mailto:${address}`),
      ...(needsExternalAccount && external !== undefined
        ? { externalAccountBinding: bindExternalAccount(external, { key, url: newAccount }) }
        : {}),
    };
    const signed = { url: newAccount, payload, key, accountUrl: undefined, action };
    const { location } = await ofDirectory(() =>
      // Opening an account twice finds the first: as good as reading.
      patience.repeat(() => transport.post(signed, newNonce), { ...errand, action, isRead: true }),
    );
    if (location !== undefined) return location;
    const message = `Cannot ${action}: the answer must have a Location`;
    throw new AcmeError('unavailable', message, { scope: 'directory' });
  }
}

/** Before there is an order, every failure is the directory's. */
async function ofDirectory<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof AcmeError ? error.ofDirectory() : error;
  }
}
