/** Three daemons with a copy of the folders each, three servers of the engine, on loopback. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { runProgram } from '../commands/program.ts';
import { type AdminAnswer, askAdmin, socketOf } from '../support/admin.ts';
import { TestDaemon } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask, type TestReply } from '../support/http.ts';
import { NatsServers } from '../support/nats-servers.ts';

/** `CLUSTER_ROUNDS=1`, as in CI: what takes long is done once, or not at all. */
export const isShort = process.env.CLUSTER_ROUNDS === '1';

/** What its admin socket says of the node. */
export async function statusOf({ daemon }: Node): Promise<AdminAnswer['json']> {
  return (await askAdmin(socketOf(daemon), '/v1/status')).json;
}

export const host = 'alice.example';
export const folder = 'public/alice';

export interface Node {
  readonly name: string;
  readonly mount: TestFolder;
  readonly state: TestFolder;
  /** Which server of the engine it talks to; undefined: any. */
  readonly server: number | undefined;
  daemon: TestDaemon;
}

export interface ClusterWorldOptions {
  readonly nodes?: number;
  readonly servers?: 1 | 3;
  readonly waitMs?: number;
  /** Each node talks to one server alone. */
  readonly isPinned?: boolean;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** By the node's name: what it alone is told. */
  readonly ofNode?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly name?: string;
  readonly serverLines?: string;
  /** Servers that somebody else closes. */
  readonly onServers?: NatsServers;
  readonly guests?: readonly string[];
}

export class ClusterWorld implements AsyncDisposable {
  readonly servers: NatsServers;
  readonly dns: DnsServer;
  readonly nodes: Node[] = [];
  readonly #options: ClusterWorldOptions;
  readonly #writtenAt = new Date();

  private constructor(servers: NatsServers, dns: DnsServer, options: ClusterWorldOptions) {
    this.servers = servers;
    this.dns = dns;
    this.#options = options;
  }

  static async open(options: ClusterWorldOptions = {}): Promise<ClusterWorld> {
    const { nodes = 3, serverLines: more = '', servers: count = 3 } = options;
    const servers = options.onServers ?? (await NatsServers.start({ count, more }));
    const world = new ClusterWorld(servers, await startDnsServer(), options);
    world.point(host);
    // The first one makes the installation; the others find it.
    for (let index = 0; index < nodes; index += 1) await world.addNode();
    return world;
  }

  /** Sets the records of `name`, which leads to loopback and to `folder`. */
  point(name: string, toFolder = folder): void {
    this.dns.table.set(`_keybase_pages.${name}`, { txt: [`kbp=/keybase/${toFolder}`] });
    this.dns.table.set(name, { a: ['127.0.0.1'] });
  }

  /** One more node, with the folder and its guests, or with an empty mount. */
  async addNode(guests = this.#options.guests ?? ['kv', 'hello']): Promise<Node> {
    const index = this.nodes.length;
    const mount = new TestFolder();
    if (guests.length > 0) mkdirSync(mount.path(folder), { recursive: true });
    for (const guest of guests) {
      const path = mount.path(`${folder}/${guest}.wasm`);
      writeFileSync(path, guestBytes(guest));
      // As who syncs it leaves it: written when the owner wrote it.
      utimesSync(path, this.#writtenAt, this.#writtenAt);
    }
    const server = this.#options.isPinned === true ? index % this.servers.count : undefined;
    const about = { name: `node-${index + 1}`, mount, state: new TestFolder(), server };
    const node: Node = { ...about, daemon: await this.#start(about) };
    this.nodes.push(node);
    return node;
  }

  /** A node that ended is there again, over what it has kept. */
  async restart(node: Node, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await node.daemon.stop(signal);
    node.daemon = await this.#start(node);
  }

  /** The command line, as the operator of that node has it; what it printed. */
  async command(node: Node, ...args: readonly string[]): Promise<string> {
    const argv = [...args, '--state', node.state.directory];
    const environment = this.environment(node);
    const { code, stderr, stdout } = await runProgram(argv, { environment });
    if (code !== 0) throw new Error(`${args[0]} ended with ${code}: ${stderr}`);
    return stdout;
  }

  ask(node: Node, path: string, init: Parameters<typeof ask>[2] = {}): Promise<TestReply> {
    return ask(node.daemon.port, path, { host, ...init });
  }

  node(index: number): Node {
    const node = this.nodes[index];
    if (node === undefined) throw new RangeError(`Cannot find node ${index}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { daemon, mount, state } of this.nodes) {
      await daemon[Symbol.asyncDispose]();
      mount[Symbol.dispose]();
      state[Symbol.dispose]();
    }
    await this.dns.close();
    if (this.#options.onServers === undefined) await this.servers.close();
  }

  /** What its daemon, and commands beside it, are told by variables. */
  environment({ name, server }: Pick<Node, 'name' | 'server'>): Readonly<Record<string, string>> {
    const { name: installation = 'main', waitMs = 10_000 } = this.#options;
    const { urls } = this.servers;
    return {
      TERRAFIRMA_CLUSTER_SERVERS: (server === undefined ? urls : [urls[server]]).join(','),
      TERRAFIRMA_CLUSTER_NAME: installation,
      TERRAFIRMA_CLUSTER_NODE: name,
      TERRAFIRMA_CLUSTER_SHARDS: '2',
      TERRAFIRMA_CLUSTER_REPLICAS: String(this.servers.count),
      TERRAFIRMA_CLUSTER_WAIT_MS: String(waitMs),
      TERRAFIRMA_CLUSTER_MONITOR_URLS: this.servers.monitorUrls.join(','),
      ...this.#options.environment,
      ...this.#options.ofNode?.[name],
    };
  }

  #start(node: Omit<Node, 'daemon'>): Promise<TestDaemon> {
    const { mount, state } = node;
    const { args = [] } = this.#options;
    return TestDaemon.start({
      env: this.environment(node),
      stateDirectory: state.directory,
      threads: 1,
      args: [
        ...['--mount', `/keybase=${mount.directory}`],
        ...['--dns', `${this.dns.host}:${this.dns.port}`],
        ...args,
      ],
    });
  }
}
