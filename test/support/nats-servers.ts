/**
 * Real servers of the engine on loopback, in a temporary directory, ended by their process ids. The
 * program is NATS_SERVER, or `nats-server` of the PATH.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Where the program is; undefined: tests that need it are skipped. */
export const natsProgram = findProgram();

// Whoever runs something else, such as a bench, is told where it would need one.
if (natsProgram === undefined && process.env.VITEST !== undefined) {
  process.stderr.write('skipped: tests of the engine; NATS_SERVER names no nats-server\n');
}

interface Server {
  readonly name: string;
  readonly port: number;
  readonly routePort: number;
  readonly monitorPort: number;
  process: ChildProcess | undefined;
}

export interface NatsServersOptions {
  readonly count: 1 | 3;
  /** More lines of the configuration. */
  readonly more?: string;
  /** As the configuration writes them. */
  readonly maxPayload?: string;
  readonly syncInterval?: string;
}

export class NatsServers {
  readonly #directory = mkdtempSync(join(tmpdir(), 'terrafirma-nats-'));
  readonly #servers: readonly Server[];
  #options: NatsServersOptions;

  private constructor(servers: readonly Server[], options: NatsServersOptions) {
    this.#servers = servers;
    this.#options = options;
  }

  static async start(options: NatsServersOptions): Promise<NatsServers> {
    const { count } = options;
    const ports = await freePorts(count * 3);
    const servers = Array.from({ length: count }, (_, index): Server => {
      const [port = 0, routePort = 0, monitorPort = 0] = ports.slice(index * 3, index * 3 + 3);
      return { name: `s${index}`, port, routePort, monitorPort, process: undefined };
    });
    const started = new NatsServers(servers, options);
    for (const index of servers.keys()) started.run(index);
    await started.ready();
    return started;
  }

  get urls(): readonly string[] {
    return this.#servers.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  get monitorUrls(): readonly string[] {
    return this.#servers.map(({ monitorPort }) => `http://127.0.0.1:${monitorPort}`);
  }

  /** Of those that run. */
  get processIds(): readonly number[] {
    return this.#servers.flatMap(({ process: child }) => child?.pid ?? []);
  }

  get count(): number {
    return this.#servers.length;
  }

  /** All are ended and started again with other lines of the configuration. */
  async reconfigure(more: string): Promise<void> {
    this.#options = { ...this.#options, more };
    await this.restart();
  }

  /** Starts one that is not running, over what it has stored. */
  run(index: number): void {
    const server = this.#server(index);
    const file = join(this.#directory, `${server.name}.conf`);
    writeFileSync(file, this.#configuration(server));
    const log = openSync(join(this.#directory, `${server.name}.log`), 'a');
    const stdio = ['ignore', log, log] as const;
    server.process = spawn(natsProgram ?? 'nats-server', ['-c', file], { stdio: [...stdio] });
  }

  /** Ends one, or freezes it, or lets it go on. */
  async signal(
    index: number,
    signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT',
  ): Promise<void> {
    const { process: child } = this.#server(index);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await once(child, 'exit');
  }

  /** All are killed at once, without warning, and started over what they have stored. */
  async restart(): Promise<void> {
    await Promise.all(this.#servers.map((_, index) => this.signal(index, 'SIGKILL')));
    for (const index of this.#servers.keys()) this.run(index);
    await this.ready();
  }

  /** What they have stored is gone. */
  async wipe(): Promise<void> {
    await Promise.all(this.#servers.map((_, index) => this.signal(index, 'SIGKILL')));
    for (const { name } of this.#servers) {
      rmSync(join(this.#directory, name), { recursive: true, force: true });
    }
    for (const index of this.#servers.keys()) this.run(index);
    await this.ready();
  }

  /** Which server leads a stream. */
  async leaderOf(stream: string): Promise<number> {
    for (const [index, { monitorPort }] of this.#servers.entries()) {
      const url = `http://127.0.0.1:${monitorPort}/jsz?streams=true&raft=true`;
      const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(
        () => undefined,
      );
      const found: unknown = await answer?.json();
      const accounts: unknown[] = Object(found).account_details ?? [];
      const streams = accounts.flatMap((each): unknown[] => Object(each).stream_detail ?? []);
      const leader = streams.map((each) => Object(each)).find(({ name }) => name === stream)
        ?.cluster?.leader;
      const at = this.#servers.findIndex(({ name }) => name === leader);
      if (at >= 0 && at === index) return at;
    }
    throw new Error(`Cannot find the leader of ${stream}: no server says that it is`);
  }

  async close(): Promise<void> {
    for (const index of this.#servers.keys()) await this.signal(index, 'SIGCONT');
    await Promise.all(this.#servers.map((_, index) => this.signal(index, 'SIGKILL')));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Resolves when all answer that they are well. */
  async ready(): Promise<void> {
    for (const { monitorPort } of this.#servers) {
      for (const untilMs = performance.now() + 60_000; ; ) {
        if (await isHealthy(monitorPort)) break;
        if (performance.now() > untilMs) throw new Error('Cannot start nats-server: no answer');
        await wait(50);
      }
    }
  }

  #server(index: number): Server {
    const server = this.#servers[index];
    if (server === undefined) throw new RangeError(`Cannot find server ${index}`);
    return server;
  }

  #configuration({ name, port, routePort, monitorPort }: Server): string {
    const routes = this.#servers.map((each) => `nats://127.0.0.1:${each.routePort}`).join(', ');
    const cluster =
      this.#servers.length === 1
        ? ''
        : `cluster { name: tf, listen: "127.0.0.1:${routePort}", routes: [${routes}] }`;
    const { maxPayload = '8MB', more = '', syncInterval = 'always' } = this.#options;
    return `
      server_name: ${name}
      listen: "127.0.0.1:${port}"
      http: "127.0.0.1:${monitorPort}"
      max_payload: ${maxPayload}
      jetstream { store_dir: "${join(this.#directory, name)}", sync_interval: ${syncInterval} }
      ${cluster}
      ${more}
    `;
  }
}

async function isHealthy(monitorPort: number): Promise<boolean> {
  const url = `http://127.0.0.1:${monitorPort}/healthz`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.ok === true;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => Number(Object(server.address()).port));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

function findProgram(): string | undefined {
  const named = process.env.NATS_SERVER;
  const directories = (process.env.PATH ?? '').split(delimiter);
  const places = named ? [named] : directories.map((each) => join(each, 'nats-server'));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
