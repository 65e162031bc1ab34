/** Everything below the certificates of a daemon, over a real ACME server, with a clock of ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Limits } from '../../src/config/config.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { TerrafirmaError } from '../../src/errors.ts';
import { logReader, openJournal } from '../../src/journal/journal.ts';
import { type FolderKey, type HostName, parseFolderPath } from '../../src/names.ts';
import { DirectStore } from '../../src/outside/store/direct-store.ts';
import type { Lease } from '../../src/outside/store/leases.ts';
import { openBlobs } from '../../src/outside/store/open.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { AcmeClient } from '../../src/tls/acme/client.ts';
import { Admission, type ServedName } from '../../src/tls/admission.ts';
import { Directories } from '../../src/tls/directories.ts';
import { OrderGate } from '../../src/tls/gate.ts';
import { Orders } from '../../src/tls/orders.ts';
import { Renewals } from '../../src/tls/renewals.ts';
import { TlsStore } from '../../src/tls/store.ts';
import { newCertificateKey } from '../../src/tls/x509.ts';
import { AcmeServer } from './acme-server.ts';
import { HttpStage } from './acme-stage.ts';

export const FOLDER = '/keybase/public/alice' as FolderKey;

/** Which names are served, what their records say, and where they lead. */
export class TestNames {
  readonly served = new Map<string, ServedName>();
  readonly wildcards = new Set<string>();
  readonly addresses = new Map<string, string>();
  lookups = 0;

  serve(name: string, served: Partial<ServedName> = {}): HostName {
    this.served.set(name, { folderKey: FOLDER, isListed: false, ...served });
    this.addresses.set(name, '7f000001');
    return name as HostName;
  }

  readonly servedName = async (hostName: HostName): Promise<ServedName> => {
    this.lookups += 1;
    const served = this.served.get(hostName);
    if (served !== undefined) return served;
    const parent = hostName.slice(hostName.indexOf('.') + 1);
    if (this.wildcards.has(parent)) return { folderKey: FOLDER, isListed: false };
    throw new TerrafirmaError('no-record');
  };

  readonly resolver = {
    record: async (hostName: HostName) => {
      const parent = hostName.slice(hostName.indexOf('.') + 1);
      const expiresAtMs = 0;
      if (!this.wildcards.has(parent)) {
        const error = new TerrafirmaError('no-record');
        return { kind: 'failure', error, expiresAtMs } as const;
      }
      return { kind: 'found', value: parseFolderPath(FOLDER), expiresAtMs } as const;
    },
    addresses: async (name: string, family: 4 | 6) => {
      const parent = name.slice(name.indexOf('.') + 1);
      const found = this.addresses.get(name) ?? (this.wildcards.has(parent) ? '7f000001' : '');
      if (family === 6 || found === '') throw new TerrafirmaError('dns-failed');
      return [Buffer.from(found, 'hex')];
    },
  };
}

export class TlsWorld implements AsyncDisposable {
  readonly servers: AcmeServer[] = [];
  readonly stage = new HttpStage();
  readonly names = new TestNames();
  readonly stateDirectory = mkdtempSync(join(tmpdir(), 'terrafirma-tls-'));
  readonly log: Record<string, unknown>[] = [];
  nowMs = Date.now();
  renewed = 0;
  limits: Limits = { ...defaultLimits };
  publicAddresses: readonly string[] = [];
  /** Of several nodes; taken up by `build`. */
  lockOf: ((hostName: HostName) => Lease) | undefined;
  #httpPort = 0;
  shared!: DirectStore;
  store!: TlsStore;
  directories!: Directories;
  orders!: Orders;
  renewals!: Renewals;

  static async open(servers = 1, limits: Partial<Limits> = {}): Promise<TlsWorld> {
    const world = new TlsWorld();
    world.limits = { ...defaultLimits, ...limits };
    world.#httpPort = await world.stage.start();
    for (let count = 0; count < servers; count += 1) {
      const server = await AcmeServer.start();
      server.rules.httpPort = world.#httpPort;
      world.servers.push(server);
    }
    await world.build();
    return world;
  }

  get server(): AcmeServer {
    const [first] = this.servers;
    if (first === undefined) throw new Error('a world without a server');
    return first;
  }

  /** Builds the parts anew over the same state, as after a restart. */
  async build(): Promise<void> {
    const { limits, names, stateDirectory } = this;
    const nowMs = (): number => this.nowMs;
    const random = (): number => 0.5;
    this.shared = DirectStore.open({
      databasePath: storePath(stateDirectory),
      synchronous: 'normal',
      limits: defaultLimits,
      blobs: openBlobs(stateDirectory),
      nowMs,
    });
    this.store = await TlsStore.open({ store: this.shared, nowMs, onTrouble: rethrow });
    const logger = pino({ level: 'debug' }, { write: (line) => this.log.push(JSON.parse(line)) });
    const clients = this.servers.map((server) => this.#client(server));
    const { store } = this;
    this.directories = new Directories({
      clients,
      nowMs,
      onTrouble: (message) => logger.warn(message),
    });
    const { directories, publicAddresses } = this;
    const { servedName, resolver } = names;
    const admission = new Admission({ servedName, resolver, publicAddresses });
    const gate = new OrderGate({ limits, store, nowMs });
    const journal = openJournal(logReader(logger));
    const shared = { store, directories, journal, nowMs, random };
    const several = this.lockOf === undefined ? {} : { lockOf: this.lockOf };
    this.orders = new Orders({ ...shared, limits, admission, gate, ...several });
    const onRenewed = (): void => {
      this.renewed += 1;
    };
    this.renewals = new Renewals({ ...shared, orders: this.orders, onRenewed });
  }

  #client(server: AcmeServer): AcmeClient {
    return new AcmeClient({
      directoryUrl: server.directoryUrl,
      accountKey: newCertificateKey(),
      contacts: [],
      external: undefined,
      profile: undefined,
      challengeTypes: ['http-01'],
      stage: this.stage,
      caPem: undefined,
      requestTimeoutMs: 5_000,
      orderTimeoutMs: 20_000,
      nowMs: () => this.nowMs,
      wait: () => new Promise((resolve) => setImmediate(resolve)),
      random: () => 0.5,
    });
  }

  /** Closes what is stored, as at the end of a daemon. */
  async close(): Promise<void> {
    this.store.close();
    await this.shared.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directories.close();
    await this.orders.settled();
    await this.close();
    await this.stage[Symbol.asyncDispose]();
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }
}

function rethrow(error: unknown): never {
  throw error;
}
