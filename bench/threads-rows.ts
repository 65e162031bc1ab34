/**
 * Two serving threads against one. On a machine whose processors the load generator needs as well,
 * requests a second would tell of it: what is told is what the threads can answer when each has a
 * processor, from the CPU time that they took for a request. Touches /proc, other processes and
 * loopback.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { putLoad } from './load.ts';
import { median, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

/** Enough that both threads have some. */
const connections = 64;
const nsPerUs = 1_000;
/** As `comm` has it. */
const threadName = 'serving';

interface Spent {
  /** Of each serving thread, in microseconds. */
  readonly threadsUs: readonly number[];
  readonly requests: number;
}

export async function measureThreads(plan: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  const start = (threads: number): Promise<Server> =>
    Server.daemon(folder.directory, {}, undefined, { threads, isFree: true });
  await using one = await start(1);
  await using two = await start(2);
  for (const server of [one, two]) await spend(server, plan.seconds);
  const ones: number[] = [];
  const twos: number[] = [];
  const ratios: number[] = [];
  const shares: number[] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const alone = perRequest(await spend(one, plan.seconds));
    const spent = await spend(two, plan.seconds);
    ones.push(alone);
    twos.push(perRequest(spent));
    ratios.push((2 * alone) / perRequest(spent));
    shares.push(Math.min(...spent.threadsUs) / sum(spent.threadsUs));
  }
  return [
    { name: 'CPU time for a request, one serving thread', value: median(ones), unit: 'us' },
    { name: 'CPU time for a request, two serving threads', value: median(twos), unit: 'us' },
    { name: 'the lesser thread’s share of it', value: median(shares), unit: 'x' },
    {
      name: 'two serving threads against one',
      value: median(ratios),
      unit: 'x',
      goal: { atLeast: 1.9 },
    },
  ];
}

async function spend(server: Server, seconds: number): Promise<Spent> {
  const url = `${server.url}/small.wasm`;
  await askUntil(url, () => true);
  const before = readThreads(server.pid);
  const { requestsPerS, failures } = await putLoad(url, { connections, seconds });
  if (failures > 0) throw new Error(`Cannot measure ${url}: ${failures} requests failed`);
  const threadsUs = readThreads(server.pid).map((us, index) => us - (before[index] ?? 0));
  return { threadsUs, requests: requestsPerS * seconds };
}

function perRequest({ threadsUs, requests }: Spent): number {
  return sum(threadsUs) / requests;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

/** What each serving thread has run, in microseconds, as the scheduler counts it. */
function readThreads(pid: number): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  const serving = readdirSync(tasks).filter((id) =>
    readFileSync(`${tasks}/${id}/comm`, 'utf8').startsWith(threadName),
  );
  return serving.map((id) => {
    const [ranNs] = readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ');
    return Number(ranNs) / nsPerUs;
  });
}
