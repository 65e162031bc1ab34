/**
 * The one connection to the engine: connects, says when it comes and goes, asks the engine's own
 * interface. Edge: NATS.
 */
import { readFile } from 'node:fs/promises';
import {
  type Authenticator,
  AuthorizationError,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
  type Subscription,
  TimeoutError,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node';
import { StoreError } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import type { HeaderLines } from './rows.ts';
import { identityCheck } from './server-identity.ts';
import type { ClusterSettings } from './settings.ts';

/** A connection that does not answer for two seconds is taken for broken. */
const pingMs = 1_000;
const pingsOutMax = 2;
const reconnectWaitMs = 100;
const connectWaitMs = 2_000;

/** The engine answered with an error of its own (`err_code`). */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: number;

  constructor(code: number, description: string) {
    super(description);
    this.code = code;
  }
}

/** No answer: what was asked may have been done. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Nobody was there to hear it: it was not done. */
  readonly isUnheard: boolean;

  constructor(cause: unknown, isUnheard: boolean) {
    super('the engine did not answer', { cause });
    this.isUnheard = isUnheard;
  }
}

export interface LinkEvents {
  /** Subscriptions are there again; what happened in between was told to nobody. */
  onConnected(): void;
  onDisconnected(): void;
  /** What the operator should know. */
  onTrouble(reason: string): void;
}

export interface Sent {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers?: HeaderLines;
}

export class Link {
  readonly #settings: ClusterSettings;
  readonly #events: LinkEvents;
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #isClosed = false;

  constructor(settings: ClusterSettings, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The largest message that the engine takes, in bytes. */
  get payloadBytesMax(): number {
    return this.#connection?.info?.max_payload ?? 0;
  }

  /** The release of the server that it is connected to. */
  get serverVersion(): string {
    return this.#connection?.info?.version ?? '';
  }

  /** As `host:port`; empty without a connection. */
  get server(): string {
    return this.#isConnected ? (this.#connection?.getServer() ?? '') : '';
  }

  /** Of subjects on which answers arrive. */
  get inboxPrefix(): string {
    return inboxPrefixOf(this.#settings);
  }

  /** For what the vendor's libraries do by themselves. */
  get connection(): NatsConnection {
    if (this.#connection === undefined) throw unavailable('it is not connected');
    return this.#connection;
  }

  /**
   * Connects once. Rejects with StoreError: `refused` for wrong credentials, `unavailable` where no
   * server answers.
   */
  async open(): Promise<void> {
    const options = await connectionOptions(this.#settings);
    try {
      this.#connection = await connect(options);
    } catch (cause) {
      throw openingError(cause, this.#settings.servers);
    }
    if (this.#isClosed) {
      await this.#connection.close();
      throw unavailable('it was closed');
    }
    this.#isConnected = true;
    void this.#follow(this.#connection);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isConnected = false;
    await this.#connection?.close();
  }

  /** Sends what nobody answers. */
  publish({ subject, payload, headers: lines }: Sent): void {
    this.connection.publish(subject, payload, lines === undefined ? {} : asHeaders(lines));
  }

  /** Rejects with NoAnswer. */
  async request({ subject, payload, headers: lines }: Sent, timeoutMs: number): Promise<Msg> {
    if (!this.#isConnected) throw new NoAnswer(undefined, true);
    const timeout = Math.max(1, Math.ceil(timeoutMs));
    const options = { timeout, ...(lines === undefined ? {} : asHeaders(lines)) };
    try {
      return await this.connection.request(subject, payload, options);
    } catch (cause) {
      throw noAnswer(cause);
    }
  }

  /**
   * Asks the engine's interface, as `STREAM.INFO.NAME`. Rejects with EngineError, NoAnswer, and
   * StoreError `refused` where it may not be asked.
   */
  async ask(api: string, question: unknown, timeoutMs: number): Promise<unknown> {
    const payload = Buffer.from(question === undefined ? '' : JSON.stringify(question));
    const message = await this.request({ subject: `$JS.API.${api}`, payload }, timeoutMs);
    return readAnswer(message);
  }

  subscribe(subject: string, listener: (message: Msg) => void): Subscription {
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) listener(message);
      else this.#events.onTrouble(error.message);
    };
    return this.connection.subscribe(subject, { callback });
  }

  /** Resolves when everything sent before has arrived at the server. Rejects with NoAnswer. */
  async flush(): Promise<void> {
    try {
      await this.connection.flush();
    } catch (cause) {
      throw noAnswer(cause);
    }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (this.#isClosed) return;
      if (status.type === 'disconnect' || status.type === 'staleConnection') this.#lose();
      else if (status.type === 'reconnect') this.#regain();
      else if (status.type === 'error') this.#events.onTrouble(status.error.message);
    }
  }

  #lose(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#events.onDisconnected();
  }

  #regain(): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#events.onConnected();
  }
}

/** The engine's answer, read. @throws EngineError */
export function readAnswer(message: Msg): unknown {
  const answer: unknown = message.json();
  const error: unknown = Object(answer).error;
  if (typeof error !== 'object' || error === null) return answer;
  const { err_code: code, description } = Object(error);
  throw new EngineError(Number(code ?? 0), String(description ?? 'an error without words'));
}

function asHeaders(lines: HeaderLines): { readonly headers: MsgHdrs } {
  const made = headers();
  for (const [name, value] of lines) made.append(name, value);
  return { headers: made };
}

function inboxPrefixOf({ name }: ClusterSettings): string {
  return `_INBOX_${name}`;
}

function noAnswer(cause: unknown): Error {
  const reason = cause instanceof Error ? (cause.cause ?? cause) : cause;
  if (reason instanceof PermissionViolationError || reason instanceof AuthorizationError) {
    const rule = 'the engine must allow it';
    const message = `Cannot use the shared store: ${rule}: received ${reason.message}`;
    return new StoreError('refused', message, { cause });
  }
  const isUnheard = reason instanceof Error && reason.name === 'NoResponders';
  return new NoAnswer(cause, isUnheard && !(reason instanceof TimeoutError));
}

function openingError(cause: unknown, servers: readonly string[]): StoreError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const where = servers.join(', ');
  const isRefused =
    cause instanceof AuthorizationError ||
    cause instanceof UserAuthenticationExpiredError ||
    /certificate|self.signed|tls/i.test(reason);
  const rule = isRefused ? 'its engine must let it in' : 'one of its servers must answer';
  const message = `Cannot use the shared store: ${rule}: received ${reason} from ${where}`;
  return new StoreError(isRefused ? 'refused' : 'unavailable', message, { cause });
}

async function connectionOptions(settings: ClusterSettings): Promise<ConnectionOptions> {
  const { caFile, certificateFile, keyFile, name, node, servers } = settings;
  const authenticator = await authenticatorOf(settings);
  const isTls = servers.some((server) => server.startsWith('tls://'));
  const tls = {
    checkServerIdentity: identityCheck(servers),
    ...(caFile === undefined ? {} : { caFile }),
    ...(certificateFile === undefined ? {} : { certFile: certificateFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  return {
    servers: [...servers],
    name: `terrafirma ${name} ${node}`,
    inboxPrefix: inboxPrefixOf(settings),
    timeout: connectWaitMs,
    pingInterval: pingMs,
    maxPingOut: pingsOutMax,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    // Once it was let in, credentials that are being replaced are no reason to give up.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(isTls ? { tls } : {}),
  };
}

async function authenticatorOf(settings: ClusterSettings): Promise<Authenticator | undefined> {
  const { credentialsFile, nkeyFile } = settings;
  if (credentialsFile !== undefined) {
    return credsAuthenticator(await readSecret(credentialsFile, 'credentials_file'));
  }
  if (nkeyFile === undefined) return undefined;
  const seed = Buffer.from(await readSecret(nkeyFile, 'nkey_file'))
    .toString()
    .trim();
  return nkeyAuthenticator(new TextEncoder().encode(seed));
}

async function readSecret(file: string, key: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const rule = `cluster.${key} must be a readable file`;
    const message = `Cannot use the shared store: ${rule}: received ${reason}`;
    throw new StoreError('refused', message, { cause });
  }
}
