/**
 * A small component behind two others that the site puts before it, beside the same one alone: what
 * a chain costs. Touches the file system, other processes and loopback.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureRate, settle } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const guests = fileURLToPath(new URL('../test/guests/components/rust/', import.meta.url));
/** The links of 0.2 let nobody through without it. */
const headers = { 'x-key': 'open' };
const connections = 32;

const chains = [
  { path: 'hello.wasm/passed', link: 'guard.wasm', name: 'two of 0.2 that pass the request on' },
  { path: 'hello.wasm/changed', link: 'link03.wasm', name: 'two of 0.3 that change the answer' },
] as const;

const settings = chains
  .map(({ path, link }) => `[[middleware]]\nfor = "/${path}"\nuse = ["${link}", "${link}"]\n`)
  .join('');

export async function measureChains({ rounds, seconds }: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.write(Buffer.from(settings), 'terrafirma.toml');
  for (const file of ['hello.wasm', 'guard.wasm', 'link03.wasm']) {
    folder.put(join(guests, file), file);
  }
  await using daemon = await Server.daemon(folder.directory);
  const load = { connections, seconds, headers };
  const urlOf = (path: string): string => `${daemon.url}/${path}`;
  const alone = 'hello.wasm/alone';
  const rates = new Map<string, number[]>([alone, ...chains.map(({ path }) => path)].map(noRates));
  for (const path of rates.keys()) {
    await askUntil(urlOf(path), () => true, { headers });
    await settle(urlOf(path), { connections, headers });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [path, found] of rates) found.push(await measureRate(urlOf(path), load));
  }
  const without = rates.get(alone) ?? [];
  return [
    { name: 'component alone', value: median(without), unit: 'requests/s' },
    ...chains.map(({ path, name }) => ({
      name: `time of a request behind ${name}`,
      value: medianRatio(without, rates.get(path) ?? []),
      unit: 'x',
      goal: { atMost: 1.8 },
    })),
  ];
}

function noRates(path: string): [string, number[]] {
  return [path, []];
}
