/** What a guest under test may reach: small, real, in memory. And the exchange it answers. */

import { randomFillSync } from 'node:crypto';
import type { Exchange } from '../../src/abi/abi.ts';
import type { Acl } from '../../src/capability/acls/contract.ts';
import type { Capabilities } from '../../src/capability/capability.ts';
import type { Clock, Timer } from '../../src/capability/clock/contract.ts';
import type { ConfigStore } from '../../src/capability/config/contract.ts';
import type { Devices } from '../../src/capability/devices/contract.ts';
import type {
  Backends,
  Fetch,
  FetchFault,
  OutboundReply,
  OutboundRequest,
  StreamedReply,
} from '../../src/capability/fetch/contract.ts';
import type { SiteFiles } from '../../src/capability/files/contract.ts';
import type { Geo } from '../../src/capability/geo/contract.ts';
import { Places } from '../../src/capability/geo/places.ts';
import type { KeyValue, KeyValueStore } from '../../src/capability/kv/contract.ts';
import type { GuestLog } from '../../src/capability/log/contract.ts';
import type { Rates } from '../../src/capability/rates/contract.ts';
import { createTable, SharedRateTable } from '../../src/capability/rates/shared-table.ts';
import { CapabilityRefusal } from '../../src/capability/refusal.ts';
import type { Resolve } from '../../src/capability/resolve/contract.ts';
import type { SecretStore } from '../../src/capability/secrets/contract.ts';
import type { GuestSettings } from '../../src/capability/settings/contract.ts';
import type { Vendor } from '../../src/capability/vendor/contract.ts';
import { BodyQueue } from '../../src/http/body-queue.ts';
import { type ConnectionFacts, noConnection } from '../../src/http/connection-facts.ts';
import type { LateReply } from '../../src/http/late-reply.ts';
import type { ReplyHead, RequestHead } from '../../src/http/message.ts';
import { WorldCache } from './world-cache.ts';

const noBackends: Backends = {
  find: () => undefined,
  names: () => [],
  isAdded: () => false,
  healthOf: () => 'unknown',
  timesOf: () => ({ connectMs: 1, firstByteMs: 1, betweenBytesMs: 1, keepAliveMs: 1 }),
  add: () => {
    throw new CapabilityRefusal('forbidden', 'Cannot add a back-end: there are none here');
  },
};

/** Answers the URLs it was told about; anything else fails, as an unreachable host does. */
export class TableFetch implements Fetch {
  readonly backends = noBackends;
  readonly sent: OutboundRequest[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #answers = new Map<string, () => Promise<OutboundReply>>();

  answer(url: string, make: () => Promise<OutboundReply>): void {
    this.#answers.set(url, make);
  }

  async send(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply> {
    this.sent.push(request);
    this.signals.push(signal);
    const make = this.#answers.get(request.url);
    if (make === undefined) throw new Error(`Cannot reach ${request.url}`);
    const givenUp = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('Cannot go on: given up')));
    });
    return Promise.race([make(), givenUp]);
  }

  async open(request: OutboundRequest, signal: AbortSignal): Promise<StreamedReply> {
    const { body, ...start } = await this.send(request, signal);
    const pieces = new BodyQueue({ knownBytes: body.length, windowBytesMax: 1 });
    pieces.push(body);
    pieces.end();
    return { ...start, body: pieces };
  }

  async openTunnel(): Promise<LateReply> {
    throw new Error('Cannot open a tunnel: there are none here');
  }

  faultOf(): FetchFault {
    return { type: 'destination_unavailable' };
  }
}

export function outboundReply(text: string, more: Partial<OutboundReply> = {}): OutboundReply {
  return { status: 200, headers: [], body: Buffer.from(text), ...more };
}

/** A reply that arrives when the test says so. */
export class Gate {
  readonly #settled = Promise.withResolvers<OutboundReply>();

  wait = (): Promise<OutboundReply> => this.#settled.promise;

  open(reply: OutboundReply): void {
    this.#settled.resolve(reply);
  }

  fail(message: string): void {
    this.#settled.reject(new Error(message));
  }
}

export class MapKeyValue implements KeyValue {
  readonly entries = new Map<string, Uint8Array>();
  /** When set, every operation fails with it. */
  failure: string | undefined;
  data: KeyValueStore | undefined;

  named(): undefined {
    return undefined;
  }

  get own(): KeyValueStore {
    throw new Error('Cannot open the store: nothing here has one');
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#requireWorking();
    return this.entries.get(toText(key));
  }

  async insert(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.#requireWorking();
    const wasAbsent = !this.entries.has(toText(key));
    // The caller's bytes are its own again afterwards, and may go.
    this.entries.set(toText(key), value.slice());
    return wasAbsent;
  }

  async insertIfAbsent(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.#requireWorking();
    if (this.entries.has(toText(key))) return false;
    return this.insert(key, value);
  }

  async append(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.#requireWorking();
    const before = this.entries.get(toText(key)) ?? new Uint8Array(0);
    return this.insert(key, Buffer.concat([before, value]));
  }

  async remove(key: Uint8Array): Promise<boolean> {
    this.#requireWorking();
    return this.entries.delete(toText(key));
  }

  #requireWorking(): void {
    if (this.failure !== undefined) throw new Error(this.failure);
  }
}

export class TableResolve implements Resolve {
  readonly names = new Map<string, readonly Uint8Array[]>();
  message: Uint8Array | undefined;

  async addresses(name: string, family: 4 | 6): Promise<readonly Uint8Array[]> {
    const found = this.names.get(`${family} ${name}`);
    if (found === undefined) throw new Error(`Cannot resolve ${name}`);
    return found;
  }

  async exchange(query: Uint8Array): Promise<Uint8Array> {
    if (this.message === undefined) throw new Error('Cannot resolve');
    return Buffer.concat([query, this.message]);
  }
}

/** What the folder has under names, for the guest under test. */
class TableNames<Store> {
  readonly stores = new Map<string, Store>();

  open(name: string): Store | undefined {
    return this.stores.get(name);
  }
}

/** What no guest under test asks for is not there: so a new capability needs nothing here. */
export interface World extends Capabilities {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: it is what the sentence above says.
export class World {
  readonly config = new TableNames<ConfigStore>();
  readonly secrets = new TableNames<SecretStore>();
  readonly acls = new TableNames<Acl>();
  readonly geo: Geo = new Places({});
  readonly devices: Devices = { lookup: () => undefined };
  vendor: Vendor = {
    shieldingSite: () => undefined,
    isValidKey: () => false,
    hasBotFields: false,
    inspection: undefined,
  };
  readonly #rates = new SharedRateTable(createTable(64, new Uint8Array(16)), Date.now);
  readonly rates: Rates = { table: () => this.#rates };
  readonly fetch = new TableFetch();
  readonly keyValue = new MapKeyValue();
  readonly resolve = new TableResolve();
  #cache: WorldCache | undefined;
  nowNs = 1_700_000_000_123_456_789n;
  readonly clock: Clock = { nowNs: () => this.nowNs };
  /** Nanoseconds of the timer; `elapse` lets them pass. */
  timerNs = 5_000_000n;
  readonly waiting = new Set<{ readonly atNs: bigint; readonly onDue: () => void }>();
  readonly timer: Timer = {
    resolutionNs: 100_000n,
    nowNs: () => this.timerNs,
    start: (delayNs, onDue) => {
      const entry = { atNs: this.timerNs + delayNs, onDue };
      this.waiting.add(entry);
      return () => this.waiting.delete(entry);
    },
  };
  /** A site without files. */
  files: SiteFiles = {
    stat: async () => undefined,
    list: async () => undefined,
    open: async () => undefined,
  };
  settings: GuestSettings = {
    environment: new Map(),
    protocol: 'cgi',
    webSocket: 'lines',
    modulePath: 'hello.wasm',
    isPlainTextAllowed: false,
    isGrantedFiles: false,
    arguments: undefined,
  };
  readonly logLines: string[] = [];
  readonly traceLines: string[] = [];
  traceLinesMax = Number.POSITIVE_INFINITY;
  readonly log: GuestLog = {
    isFull: false,
    write: (level, message) => {
      this.logLines.push(`${level} ${message}`);
    },
    trace: (line) => {
      this.traceLines.push(line);
      return this.traceLines.length < this.traceLinesMax;
    },
  };
  /** Bytes to give instead of random ones. */
  randomBytes: Uint8Array | undefined;

  get cache(): WorldCache {
    this.#cache ??= new WorldCache();
    return this.#cache;
  }

  elapse(ns: bigint): void {
    this.timerNs += ns;
    for (const entry of [...this.waiting]) {
      if (entry.atNs > this.timerNs) continue;
      this.waiting.delete(entry);
      entry.onDue();
    }
  }

  fillRandom(target: Uint8Array): void {
    if (this.randomBytes === undefined) randomFillSync(target);
    else target.set(this.randomBytes.subarray(0, target.length));
  }
}

export interface SentReply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly text: string;
}

/** Keeps what was sent, and holds the ABI to the exchange's contract. */
export class RecordingExchange implements Exchange {
  readonly request: RequestHead;
  connection: ConnectionFacts = noConnection;
  readonly hasBody: boolean;
  isBodyReceived = true;
  readonly isGone = false;
  sent: SentReply | undefined;
  readonly #body: Uint8Array;

  constructor(request: Partial<RequestHead>, body: Uint8Array) {
    this.request = { ...defaultRequest, ...request };
    this.hasBody = body.length > 0;
    this.#body = body;
  }

  get replyState(): Exchange['replyState'] {
    return this.sent === undefined ? 'none' : 'ended';
  }

  async readBody(): Promise<Uint8Array> {
    return this.#body;
  }

  readChunk(): Promise<Uint8Array | undefined> {
    throw new Error('Cannot read a chunk: the body is read whole');
  }

  send({ status, headers }: ReplyHead, body: Uint8Array): void {
    if (this.sent !== undefined) throw new Error('Cannot send twice');
    this.sent = {
      status,
      headers: headers.map(([name, value]) => `${name}: ${value}`),
      body,
      text: Buffer.from(body).toString(),
    };
  }

  start(): void {
    throw new Error('Cannot start: the reply is sent whole');
  }

  async write(): Promise<void> {
    this.start();
  }

  inform(): boolean {
    return false;
  }

  sendPiped(): void {
    this.start();
  }

  sendLater(): void {
    this.start();
  }

  async pipe(): Promise<void> {
    this.start();
  }

  end(): void {
    this.start();
  }

  abort(): void {
    this.start();
  }

  redirectInside(): void {
    this.start();
  }

  onGone(): void {
    throw new Error('Cannot listen: that is for the engine');
  }
}

const defaultRequest: RequestHead = {
  id: 'request-1',
  method: 'GET',
  target: '/hello.wasm?x=1',
  scriptName: '/hello.wasm',
  pathInfo: '',
  query: 'x=1',
  scheme: 'https',
  authority: 'example.test',
  httpVersion: '1.1',
  headers: [['host', 'example.test']],
  clientAddress: '192.0.2.7',
  clientPort: 4711,
};

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
