/**
 * So many sites on one daemon: each has a folder and a host name; modules are one program made
 * distinct by a custom section, or by its code. Touches other processes and the file system.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type DnsServer, startDnsServer } from '../test/support/dns-server.ts';
import { withOwnCode } from './own-code.ts';
import { placed } from './pinning.ts';
import { cpuSince, readCpu } from './process-cpu.ts';
import { BenchFolder, type DaemonPlace, Server } from './servers.ts';

const run = promisify(execFile);
const connections = 32;
const visitMsMax = 120_000;
const againMs = 5;
const readyMs = 3_000;
const progressMs = 15_000;

export interface Visit {
  /** Milliseconds until any answer, which may ask the visitor to come again. */
  readonly firstMs: number;
  /** Until an answer of the site's own. */
  readonly ownMs: number;
  /** Of that, what came after the DNS server had said where the site is. */
  readonly afterDnsMs: number;
}

export interface Load {
  readonly requestsPerS: number;
  readonly p99Ms: number;
  /** Of the daemon, for each request, in microseconds. */
  readonly cpuUs: number;
}

export interface SitesPlan {
  readonly count: number;
  readonly moduleCount: number;
  /** The file of the program. */
  readonly program: string;
  /** Of the sites but the first; left out: the same. */
  readonly otherProgram?: string;
  /** Whether modules differ in code; left out: in a custom section alone, as builds of one do. */
  readonly hasOwnCode?: boolean;
  /** Whether the daemon has all processors; left out: it has one. */
  readonly isFree?: boolean;
}

export class Sites implements AsyncDisposable {
  readonly count: number;
  #server: Server;
  readonly #folder: BenchFolder;
  readonly #state: BenchFolder;
  readonly #place: DaemonPlace;
  readonly #dns: DnsServer;

  private constructor(parts: {
    readonly count: number;
    readonly server: Server;
    readonly folder: BenchFolder;
    readonly state: BenchFolder;
    readonly place: DaemonPlace;
    readonly dns: DnsServer;
  }) {
    this.count = parts.count;
    this.#server = parts.server;
    this.#folder = parts.folder;
    this.#state = parts.state;
    this.#place = parts.place;
    this.#dns = parts.dns;
  }

  /** Resolves when the daemon is ready, and the files are old enough to be complete. */
  static async start(plan: SitesPlan): Promise<Sites> {
    const { count, moduleCount, otherProgram = plan.program, hasOwnCode = false } = plan;
    const folder = new BenchFolder();
    const state = new BenchFolder();
    const names: [string, { readonly txt: readonly string[] }][] = [];
    const first = readFileSync(plan.program);
    const others = readFileSync(otherProgram);
    const distinguish = hasOwnCode ? withOwnCode : withOwnSection;
    for (let site = 0; site < count; site += 1) {
      const path = `public/owner${site}`;
      const directory = join(folder.directory, path);
      mkdirSync(directory, { recursive: true });
      const program = site === 0 ? first : others;
      writeFileSync(join(directory, 'index.wasm'), distinguish(program, site % moduleCount));
      names.push([recordOf(site), { txt: [`kbp=/keybase/${path}`] }]);
    }
    const dns = await startDnsServer(Object.fromEntries(names));
    const place = { state: state.directory, isFree: plan.isFree === true };
    const server = await Server.mounted(folder.directory, dns.port, place);
    await sleep(readyMs);
    return new Sites({ count, server, folder, dns, place, state });
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** Another daemon with the state of this one. */
  async restart(): Promise<void> {
    await this.#server.stop();
    this.#server = await Server.mounted(this.#folder.directory, this.#dns.port, this.#place);
    await sleep(readyMs);
  }

  async visit(site: number, path = '/'): Promise<Visit> {
    const startedAtMs = performance.now();
    let firstMs: number | undefined;
    while (performance.now() - startedAtMs < visitMsMax) {
      const status = await statusOf(new URL(path, this.#server.url), hostOf(site));
      const tookMs = performance.now() - startedAtMs;
      firstMs ??= tookMs;
      if (status === 200) {
        const answeredAtMs = this.#dns.answeredAtMs.get(`TXT ${recordOf(site)}`) ?? 0;
        const dnsMs = Math.max(0, answeredAtMs - startedAtMs);
        return { firstMs, ownMs: tookMs, afterDnsMs: tookMs - dnsMs };
      }
      await sleep(againMs);
    }
    throw new Error(`Cannot measure ${hostOf(site)}: it did not answer within ${visitMsMax} ms`);
  }

  /** Visits each site once, and answers also the processor time of all visits. */
  async visitAll(atOnce: number) {
    const before = readCpu(this.pid);
    const visits: Visit[] = [];
    const telling = setInterval(
      () => console.error(`${visits.length} of ${this.count} sites have answered`),
      progressMs,
    );
    const sites = Array.from({ length: this.count }, (_, site) => site).values();
    const visitNext = async (): Promise<void> => {
      for (const site of sites) visits.push(await this.visit(site));
    };
    await Promise.all(Array.from({ length: atOnce }, visitNext)).finally(() =>
      clearInterval(telling),
    );
    const { processMs, childrenMs } = cpuSince(this.pid, before);
    return { visits, cpuMs: processMs + childrenMs };
  }

  /** Requests to host names that are drawn log-uniformly. */
  async putLoad(seconds: number): Promise<Load> {
    const script = join(this.#folder.directory, 'draw.lua');
    writeFileSync(script, drawingScript(this.count));
    const before = readCpu(this.pid);
    const args = ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', '-s', script];
    const [program, ...rest] = placed('generator', ['wrk', ...args, this.#server.url]);
    const { stdout } = await run(program, rest);
    const { processMs } = cpuSince(this.pid, before);
    const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
    const p99Ms = readMs(/^\s*99%\s+([\d.]+)(\w+)/m.exec(stdout));
    return { requestsPerS: requests / seconds, p99Ms, cpuUs: (processMs * 1_000) / requests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#dns[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
    this.#state[Symbol.dispose]();
  }
}

function hostOf(site: number): string {
  return `s${site}.example`;
}

function recordOf(site: number): string {
  return `_keybase_pages.${hostOf(site)}`;
}

/** A custom section says which one it is. */
function withOwnSection(program: Uint8Array, number: number): Uint8Array {
  const text = Buffer.from(`module ${number}`);
  return Buffer.concat([program, Buffer.from([0, text.length + 2, 1, 0x6e, ...text])]);
}

const msPerUnit: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

function readMs(found: RegExpExecArray | null): number {
  const [, value, unit = ''] = found ?? [];
  return Number(value) * (msPerUnit[unit] ?? Number.NaN);
}

function drawingScript(count: number): string {
  return `
math.randomseed(7)
local span = math.log(${count})
request = function()
  local site = math.floor(math.exp(math.random() * span)) - 1
  return wrk.format("GET", "/", { ["Host"] = "s" .. site .. ".example" })
end
`;
}

function statusOf(url: URL, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: { host }, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.once('error', reject);
    asked.end();
  });
}
