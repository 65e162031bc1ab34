/**
 * Many sites on one daemon, as shipped and with one serving thread: what first visits cost, what
 * each further module costs, and what folders cost that nobody visits. Each site has a folder and
 * a host name; modules are one program made distinct by a custom section. Processor time is counted
 * beside the clock, because it stays the same on a busy machine. Needs Linux and `wrk`.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startDnsServer } from '../test/support/dns-server.ts';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { generatorName } from './load.ts';
import { cpuSince, readCpu, readResidentMib } from './process-cpu.ts';
import { median, medianRatio, type Row } from './report.ts';
import { BenchFolder, Server } from './servers.ts';

const run = promisify(execFile);
const connections = 32;
const ms = 'ms';
/** A folder counts as idle when nobody has asked for so long; see folder/rhythm.ts. */
const idleAfterMs = 160_000;
const idleMeasuredMs = 30_000;
const visitMsMax = 120_000;
const readyMs = 3_000;
/** How many first visits are under way, where they do not all come at once. */
const visitsAtOnce = 16;

/** So many folders with host names, and a daemon that serves them. */
class Sites implements AsyncDisposable {
  readonly count: number;
  readonly server: Server;
  readonly #folder: BenchFolder;
  readonly #dns: AsyncDisposable;

  private constructor(parts: {
    readonly count: number;
    readonly server: Server;
    readonly folder: BenchFolder;
    readonly dns: AsyncDisposable;
  }) {
    this.count = parts.count;
    this.server = parts.server;
    this.#folder = parts.folder;
    this.#dns = parts.dns;
  }

  static async start(count: number, moduleCount: number): Promise<Sites> {
    const folder = new BenchFolder();
    const root = folder.directory;
    const names: [string, { readonly txt: readonly string[] }][] = [];
    const program = readFileSync(smallGuest());
    for (let site = 0; site < count; site += 1) {
      const path = `public/owner${site}`;
      const directory = join(root, path);
      mkdirSync(directory, { recursive: true });
      const module = Buffer.concat([program, distinction(site % moduleCount)]);
      writeFileSync(join(directory, 'index.wasm'), module);
      names.push([`_keybase_pages.${hostOf(site)}`, { txt: [`kbp=/keybase/${path}`] }]);
    }
    const dns = await startDnsServer(Object.fromEntries(names));
    const server = await Server.mounted(root, dns.port);
    return new Sites({ count, server, folder, dns });
  }

  /** Milliseconds until a visit has an answer of the site's own, and until any answer. */
  async visit(site: number): Promise<{ readonly firstMs: number; readonly ownMs: number }> {
    const startedAtMs = performance.now();
    let firstMs: number | undefined;
    while (performance.now() - startedAtMs < visitMsMax) {
      const status = await statusOf(this.server.url, hostOf(site));
      const tookMs = performance.now() - startedAtMs;
      firstMs ??= tookMs;
      if (status === 200) return { firstMs, ownMs: tookMs };
      await sleep(50);
    }
    throw new Error(`Cannot measure ${hostOf(site)}: it did not answer within ${visitMsMax} ms`);
  }

  async visitAll(atOnce: number) {
    const found: { readonly firstMs: number; readonly ownMs: number }[] = [];
    const sites = Array.from({ length: this.count }, (_, site) => site).values();
    const visitNext = async (): Promise<void> => {
      for (const site of sites) found.push(await this.visit(site));
    };
    await Promise.all(Array.from({ length: atOnce }, visitNext));
    return found;
  }

  /** Requests a second, to host names that are drawn log-uniformly, and what each costs. */
  async putLoad(seconds: number) {
    const script = join(this.#folder.directory, 'draw.lua');
    writeFileSync(script, drawingScript(this.count));
    const before = readCpu(this.server.pid);
    const args = ['-t1', `-c${connections}`, `-d${seconds}`, '-s', script, this.server.url];
    const { stdout } = await run('wrk', args);
    const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
    const { processMs } = cpuSince(this.server.pid, before);
    return { requestsPerS: requests / seconds, cpuUs: (processMs * 1_000) / requests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.#dns[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

export async function measureSites(plan: DaemonPlan): Promise<readonly Row[]> {
  if (process.platform !== 'linux' || generatorName !== 'wrk') {
    return [{ name: 'many sites', value: Number.NaN, unit: 'not measured: needs Linux and wrk' }];
  }
  return [
    ...(await measureCold(plan)),
    ...(await measureVisits()),
    ...(await measureModules(plan)),
    ...(await measureIdle()),
  ];
}

/** A module that no daemon has seen, in a folder that this one has not. */
async function measureCold({ rounds }: DaemonPlan): Promise<readonly Row[]> {
  const found: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using sites = await Sites.start(1, 1);
    // The file is old enough to be complete at first sight, and the daemon is ready.
    await sleep(readyMs);
    found.push((await sites.visit(0)).ownMs);
  }
  const name = 'first visit of a site that was never seen';
  return [{ name, value: median(found), unit: ms, goal: { atMost: 60 } }];
}

async function measureVisits(): Promise<readonly Row[]> {
  await using sites = await Sites.start(300, 300);
  const before = readCpu(sites.server.pid);
  const visits = await sites.visitAll(300);
  const { processMs, childrenMs } = cpuSince(sites.server.pid, before);
  const slowest = (each: 'firstMs' | 'ownMs') => Math.max(...visits.map((visit) => visit[each]));
  const name = '300 first visits at once';
  return [
    {
      name: `${name}: slowest answer`,
      value: slowest('firstMs') / 1_000,
      unit: 's',
      goal: { atMost: 3 },
    },
    {
      name: `${name}: all served`,
      value: slowest('ownMs') / 1_000,
      unit: 's',
      goal: { atMost: 30 },
    },
    { name: `${name}: processor time of each`, value: (processMs + childrenMs) / 300, unit: ms },
  ];
}

async function measureModules({ rounds, seconds }: DaemonPlan): Promise<readonly Row[]> {
  await using few = await Sites.start(10, 10);
  await using many = await Sites.start(300, 300);
  for (const sites of [few, many]) {
    await sites.visitAll(visitsAtOnce);
    // Twice: the first time code is still compiled and made fast.
    for (const _ of [1, 2]) await sites.putLoad(Math.max(seconds, 10));
  }
  const rates = { few: [] as number[], many: [] as number[] };
  const costs = { few: [] as number[], many: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const [one, other] = [await few.putLoad(seconds), await many.putLoad(seconds)];
    rates.few.push(one.requestsPerS);
    rates.many.push(other.requestsPerS);
    costs.few.push(one.cpuUs);
    costs.many.push(other.cpuUs);
  }
  const name = '300 sites × 300 modules against 10 × 10';
  return [
    { name: '10 sites × 10 modules', value: median(rates.few), unit: 'requests/s' },
    { name: '300 sites × 300 modules', value: median(rates.many), unit: 'requests/s' },
    { name, value: medianRatio(rates.many, rates.few), unit: 'x', goal: { atLeast: 0.8 } },
    {
      name: `${name}: processor time`,
      value: medianRatio(costs.many, costs.few),
      unit: 'x',
      goal: { atMost: 1.25 },
    },
    { name: '300 × 300: resident', value: readResidentMib(many.server.pid), unit: 'MiB' },
  ];
}

async function measureIdle(): Promise<readonly Row[]> {
  await using sites = await Sites.start(2_000, 5);
  await sites.visitAll(visitsAtOnce);
  const { pid } = sites.server;
  const share = async (forMs: number): Promise<number> => {
    const before = readCpu(pid);
    await sleep(forMs);
    return cpuSince(pid, before).mainMs / forMs;
  };
  const inUse = await share(idleMeasuredMs);
  await sleep(idleAfterMs - idleMeasuredMs);
  const name = 'control plane, 2,000 folders';
  return [
    { name: `${name} just visited`, value: inUse, unit: 'cores' },
    {
      name: `${name} idle`,
      value: await share(idleMeasuredMs),
      unit: 'cores',
      goal: { atMost: 0.05 },
    },
  ];
}

function hostOf(site: number): string {
  return `s${site}.example`;
}

/** A custom section that says which one it is. */
function distinction(number: number): Uint8Array {
  const text = Buffer.from(`module ${number}`);
  return Buffer.from([0, text.length + 2, 1, 0x6e, ...text]);
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

function statusOf(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: { host }, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.once('error', reject);
    asked.end();
  });
}
