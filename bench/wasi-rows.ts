/**
 * CGI programs for WASI preview1 against node:wasi, which runs them in the process of an HTTP
 * server, a new instance each: the usual way without us. `CGI_GO_GUEST` names a program of Go's
 * `net/http/cgi` that greets, such as bench/go-cgi; it is also held against Go's greeting on the
 * server of Fastly's vendor, where `VICEROY` and `FASTLY_GUESTS` name both. Touches the file
 * system, other processes and loopback.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonPlan } from './daemon-rows.ts';
import { readRustCgiGuest } from './guest-rows.ts';
import { measureOther, measureRate, putLoad, warmSeconds } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';
import { Viceroy } from './viceroy.ts';

const connections = 32;
/** The other server answers one request at a time, and the next ones wait. */
const othersConnections = 4;
const unit = 'requests/s';
const goal = { atLeast: 5 };

export async function measureWasi(plan: DaemonPlan): Promise<readonly Row[]> {
  const rows = await measureProgram('Rust CGI guest', readRustCgiGuest(), plan);
  const { CGI_GO_GUEST: go } = process.env;
  if (go !== undefined && existsSync(go)) {
    await using viceroy = await startVendors();
    const held = { goal, vendors: viceroy };
    return [...rows, ...(await measureProgram('Go CGI guest', readFileSync(go), plan, held))];
  }
  const name = 'Go CGI guest';
  return [...rows, { name, value: Number.NaN, unit: 'left out: CGI_GO_GUEST names none' }];
}

function startVendors(): Promise<Viceroy | undefined> {
  const module = join(process.env.FASTLY_GUESTS ?? '', 'go.wasm');
  return existsSync(module) ? Viceroy.start(module) : Promise.resolve(undefined);
}

interface Held {
  readonly goal: { readonly atLeast: number };
  /** The vendor's server, where another program in Go greets. */
  readonly vendors: Viceroy | undefined;
}

async function measureProgram(
  name: string,
  bytes: Uint8Array,
  { rounds, seconds }: DaemonPlan,
  held?: Held,
): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.write(bytes, 'program.wasm');
  await using daemon = await Server.daemon(folder.directory);
  await using wasi = await Server.wasi(join(folder.directory, 'program.wasm'));
  const urls = { ours: `${daemon.url}/program.wasm/greet`, theirs: `${wasi.url}/greet` };
  const load = { connections, seconds };
  const othersLoad = { connections: othersConnections, seconds };
  for (const url of Object.values(urls)) await askUntil(url, (text) => text.length > 0);
  // Until then it runs as the baseline compiler has it, which node:wasi leaves behind at once.
  await daemon.whenTold('module-optimised');
  await putLoad(urls.ours, { ...load, seconds: warmSeconds });
  await putLoad(urls.theirs, { ...othersLoad, seconds: warmSeconds });
  const ours: number[] = [];
  const theirs: number[] = [];
  const vendors: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await measureRate(urls.ours, load));
    theirs.push(await measureOther(urls.theirs, othersLoad));
    if (held?.vendors === undefined) continue;
    const { url, sleeper } = held.vendors;
    vendors.push(await sleeper.whileAwake(() => measureOther(url, load)));
  }
  const value = medianRatio(ours, theirs);
  return [
    { name: `${name}, fresh state`, value: median(ours), unit },
    { name: `${name} in node:wasi`, value: median(theirs), unit },
    { name: `${name} against node:wasi`, value, unit: 'x', ...(held && { goal: held.goal }) },
    ...vendorsRows(name, ours, vendors),
  ];
}

/** None where the vendor's server did not run. */
function vendorsRows(name: string, ours: readonly number[], vendors: readonly number[]): Row[] {
  if (vendors.length === 0) return [];
  const value = medianRatio(ours, vendors);
  return [
    { name: "Go kit's greeting on the vendor's server", value: median(vendors), unit },
    { name: `${name} against that`, value, unit: 'x', goal: { atLeast: 10 } },
  ];
}
