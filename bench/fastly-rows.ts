/**
 * A program of Fastly's kit for JavaScript, 11 MB with its engine: fresh state for every request,
 * on the daemon as shipped with one serving thread, against the same JavaScript in node:http and,
 * where `VICEROY` names that program, against the vendor's local server. Needs FASTLY_GUESTS, see
 * scripts/build-fastly-guests.ts. Touches other processes and the file system.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureRate, putLoad } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, findPort, Server } from './servers.ts';

const connections = 32;
const answer = 'Hello, world!\n';
const unit = 'requests/s';

export async function measureFastly(plan: DaemonPlan): Promise<readonly Row[]> {
  const module = join(process.env.FASTLY_GUESTS ?? '', 'javascript.wasm');
  if (process.env.FASTLY_GUESTS === undefined || !existsSync(module)) {
    return [{ name: 'JavaScript kit', value: Number.NaN, unit: 'not built: set FASTLY_GUESTS' }];
  }
  using folder = new BenchFolder();
  await using daemon = await Server.daemon(folder.directory);
  folder.write(readFileSync(module), 'index.wasm');
  const ours = `${daemon.url}/hello`;
  const firstMs = await askUntil(ours, (text) => text === answer);
  const first: Row = {
    name: 'JavaScript kit, from the file to the first answer',
    value: firstMs / 1_000,
    unit: 's',
    goal: { atMost: 1.5 },
  };
  // For half a minute of processor time it runs as the baseline compiler has it.
  await daemon.whenTold('module-optimised');
  return [first, ...(await measureRates(ours, { module, ...plan }))];
}

async function measureRates(
  ours: string,
  { module, rounds, seconds }: DaemonPlan & { readonly module: string },
): Promise<readonly Row[]> {
  await using node = await Server.sameJavascript();
  await using viceroy = await Viceroy.start(module);
  const load = { connections, seconds };
  const rates = { ours: [] as number[], node: [] as number[], viceroy: [] as number[] };
  // V8 compiles the engine's functions as they are first called: answers may come late.
  await putLoad(ours, { connections: 1, seconds });
  await putLoad(ours, load);
  for (let round = 0; round < rounds; round += 1) {
    rates.ours.push(await measureRate(ours, load));
    rates.node.push(await measureRate(`${node.url}/hello`, load));
    if (viceroy !== undefined) rates.viceroy.push(await measureRate(viceroy.url, load));
  }
  const rows: Row[] = [
    { name: 'JavaScript kit, fresh state each', value: median(rates.ours), unit },
    { name: 'the same JavaScript in node:http', value: median(rates.node), unit },
    {
      name: 'JavaScript kit against node:http',
      value: medianRatio(rates.ours, rates.node),
      unit: 'x',
      goal: { atLeast: 0.15 },
    },
  ];
  if (viceroy === undefined) return rows;
  return [
    ...rows,
    { name: "JavaScript kit on the vendor's server", value: median(rates.viceroy), unit },
    {
      name: "daemon against the vendor's server",
      value: medianRatio(rates.ours, rates.viceroy),
      unit: 'x',
      goal: { atLeast: 5 },
    },
  ];
}

class Viceroy implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: BenchFolder;

  private constructor(parts: { url: string; child: ChildProcess; folder: BenchFolder }) {
    this.url = parts.url;
    this.#child = parts.child;
    this.#folder = parts.folder;
  }

  /** Undefined where nobody says where it is. */
  static async start(module: string): Promise<Viceroy | undefined> {
    const program = process.env.VICEROY;
    if (program === undefined) return undefined;
    const folder = new BenchFolder();
    const settings = join(folder.directory, 'fastly.toml');
    writeFileSync(settings, 'manifest_version = 3\nname = "bench"\n[local_server]\n');
    const address = `127.0.0.1:${await findPort()}`;
    const args = ['run', '--addr', address, '-C', settings, module];
    const child = spawn(program, args, { stdio: 'ignore' });
    const url = `http://${address}/hello`;
    await askUntil(url, (text) => text === answer);
    return new Viceroy({ url, child, folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    this.#folder[Symbol.dispose]();
  }
}
