/**
 * The whole daemon as shipped, one serving thread, host names resolved by TXT record, against an
 * empty server on one thread. Touches the file system, other processes and loopback.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDnsServer } from '../test/support/dns-server.ts';
import { putLoad } from './load.ts';
import { median, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

export interface DaemonPlan {
  readonly rounds: number;
  readonly seconds: number;
}

const connections = 32;
/** Leads to the loopback interface without any help, and has a TXT record here. */
const hostName = 'localhost';
const record = 'kbp=/keybase/public/bench';
const guests = fileURLToPath(new URL('../test/guests/', import.meta.url));
const sharedGuests = fileURLToPath(new URL('../../shared/guests/', import.meta.url));

/** A small Rust guest of 1.1 MB memory where there is one, else our own smallest. */
export function smallGuest(): string {
  const rust = join(sharedGuests, 'terra-rust/terra-rust.wasm');
  return existsSync(rust) ? rust : join(guests, 'hello.wasm');
}

export async function measureDaemon(plan: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder('public/bench');
  folder.put(smallGuest(), 'small.wasm');
  folder.put(join(guests, 'loop.wasm'), 'hog.wasm');
  folder.put(join(guests, 'v1.wasm'), 'version.wasm');
  await using dns = await startDnsServer({ [`_keybase_pages.${hostName}`]: { txt: [record] } });
  await using daemon = await Server.mounted(folder.root, dns.port);
  const coldMs = daemon.startMs + (await askUntil(`${named(daemon)}/small.wasm`, () => true));
  await using fresh = await Server.daemon(folder.directory, {
    TERRAFIRMA_LIMITS_IDLE_GUEST_BYTES_MAX: '0',
  });
  await using empty = await Server.empty();
  await askUntil(`${fresh.url}/small.wasm`, () => true);
  const rows = await measureThroughput({ daemon, fresh, empty }, plan);
  return [
    ...rows,
    ...(await measureHog(daemon, plan)),
    { name: 'start of the daemon until its first answer', value: coldMs, unit: 'ms' },
    ...(await measureDeploy(daemon, folder)),
  ];
}

/** Where the daemon is reached by a host name. */
function named({ url }: Server): string {
  const named = new URL(url);
  named.hostname = hostName;
  return named.origin;
}

async function measureThroughput(
  servers: { readonly daemon: Server; readonly fresh: Server; readonly empty: Server },
  { rounds, seconds }: DaemonPlan,
): Promise<readonly Row[]> {
  const { daemon, fresh, empty } = servers;
  const urls = { ours: `${named(daemon)}/small.wasm`, fresh: `${fresh.url}/small.wasm` };
  const found = { ours: [] as number[], fresh: [] as number[], empty: [] as number[] };
  const shares: number[] = [];
  await putLoad(urls.ours, { connections, seconds });
  for (let round = 0; round < rounds; round += 1) {
    const load = { connections, seconds };
    found.ours.push((await putLoad(urls.ours, load)).requestsPerS);
    const { requestsPerS, generatorShare } = await putLoad(empty.url, load);
    found.empty.push(requestsPerS);
    shares.push(generatorShare);
    found.fresh.push((await putLoad(urls.fresh, load)).requestsPerS);
  }
  const ratios = found.ours.map((each, round) => each / (found.empty[round] ?? Number.NaN));
  const unit = 'requests/s';
  return [
    { name: 'small guest, fresh state', value: median(found.ours), unit },
    { name: 'small guest, new instance each time', value: median(found.fresh), unit },
    { name: 'empty node:http server', value: median(found.empty), unit },
    { name: 'the load generator’s share of a processor there', value: median(shares), unit: 'x' },
    {
      name: 'daemon against an empty server',
      value: median(ratios),
      unit: 'x',
      goal: { atLeast: 0.65 },
    },
  ];
}

async function measureHog(
  daemon: Server,
  { rounds, seconds }: DaemonPlan,
): Promise<readonly Row[]> {
  const url = `${named(daemon)}/small.wasm`;
  // Open loops need slack: with few connections the thread is not saturated before the hog comes.
  const load = { connections: 4, seconds };
  const without: number[] = [];
  const beside: number[] = [];
  let failures = 0;
  for (let round = 0; round < rounds; round += 1) {
    without.push((await putLoad(url, load)).p99Ms);
    let isMeasuring = true;
    const hogging = (async () => {
      while (isMeasuring) {
        const { status } = await fetch(`${named(daemon)}/hog.wasm`);
        if (status !== 504) failures += 1;
      }
    })();
    const result = await putLoad(url, load);
    isMeasuring = false;
    await hogging;
    beside.push(result.p99Ms);
    failures += result.failures;
  }
  const ratios = beside.map((each, round) => each / (without[round] ?? Number.NaN));
  return [
    { name: 'p99 of the small guest', value: median(without), unit: 'ms' },
    { name: 'p99 beside a hog that never ends', value: median(beside), unit: 'ms' },
    { name: 'p99 beside a hog', value: median(ratios), unit: 'x', goal: { atMost: 10 } },
    { name: 'failures beside a hog', value: failures, unit: 'requests', goal: { atMost: 0 } },
  ];
}

/** From the overwriting of a file until its new version answers. */
async function measureDeploy(daemon: Server, folder: BenchFolder): Promise<readonly Row[]> {
  const url = `${named(daemon)}/version.wasm`;
  const latenciesMs: number[] = [];
  for (const version of ['2', '1', '2']) {
    folder.put(join(guests, `v${version}.wasm`), 'version.wasm');
    latenciesMs.push(await askUntil(url, (text) => text.startsWith(`version ${version}`)));
  }
  const value = median(latenciesMs);
  return [{ name: 'a new version answers after', value, unit: 'ms', goal: { atMost: 2_000 } }];
}
