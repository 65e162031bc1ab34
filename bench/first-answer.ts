/**
 * The time from a file in its folder to the first answer of a daemon that has not seen it before:
 * on all processors, as operators have them, because nothing competes with it. Processor time
 * beside it, which says what a machine with one of them, or a busy one, would need. Touches the
 * file system and other processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSince, readCpu } from './process-cpu.ts';
import { median, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

export interface FirstAnswerPlan {
  /** Of the row: what is deployed. */
  readonly name: string;
  readonly file: string;
  readonly path: string;
  readonly isExpected: (text: string) => boolean;
  readonly rounds: number;
  readonly msMax?: number;
}

/** What a daemon does at its start is over. */
const startedMs = 2_000;

/** A new daemon for each round. */
export async function measureFirstAnswer(plan: FirstAnswerPlan): Promise<readonly Row[]> {
  const { name, rounds, msMax } = plan;
  const found = { ms: [] as number[], cpuMs: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const { ms, cpuMs } = await deployOnce(plan);
    found.ms.push(ms);
    found.cpuMs.push(cpuMs);
  }
  return [
    {
      name: `${name}: from file to first answer`,
      value: median(found.ms),
      unit: 'ms',
      ...(msMax === undefined ? {} : { goal: { atMost: msMax } }),
    },
    {
      name: `${name}: processor time of the daemon until then`,
      value: median(found.cpuMs),
      unit: 'ms',
    },
  ];
}

async function deployOnce({ file, path, isExpected }: FirstAnswerPlan) {
  using folder = new BenchFolder();
  await using daemon = await Server.daemon(folder.directory, {}, undefined, { isFree: true });
  await sleep(startedMs);
  const before = readCpu(daemon.pid);
  folder.put(file, 'app.wasm');
  // By its own name, which waits for the verdict: to ask again and again took a tenth of the time.
  const ms = await askUntil(`${daemon.url}/app.wasm${path}`, isExpected);
  const { processMs, childrenMs } = cpuSince(daemon.pid, before);
  return { ms, cpuMs: processMs + childrenMs };
}
