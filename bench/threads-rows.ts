/**
 * Two serving threads against one, beside two empty servers against one: what a processor's
 * neighbour takes from it, whatever runs there, is no matter of the daemon. On a machine whose
 * processors the load generator needs as well, requests a second would tell of it: what is told is
 * what the threads can answer when each has a processor, from the CPU time that they took for a
 * request. Touches other processes and loopback.
 */
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { median, medianRatio, type Row } from './report.ts';
import { BenchFolder, Server } from './servers.ts';
import {
  type Spent,
  spendInMain,
  spendServing,
  sum,
  usPerRequest,
  warmServing,
} from './serving-cpu.ts';

/** Enough that both threads have some. */
const connections = 64;
const path = '/small.wasm';

interface Found {
  /** CPU time for a request in each round, of one that answers and of two. */
  readonly one: number[];
  readonly two: number[];
}

export async function measureThreads(plan: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  const start = (threads: number): Promise<Server> =>
    Server.daemon(folder.directory, {}, undefined, { threads, isFree: true });
  await using one = await start(1);
  await using two = await start(2);
  await using first = await Server.empty(undefined, { isFree: true });
  await using second = await Server.empty(undefined, { isFree: true });
  const load = { connections, seconds: plan.seconds };
  const half = { connections: connections / 2, seconds: plan.seconds };
  const ask = (server: Server): Promise<Spent> => spendServing(server, path, load);
  const askBoth = (): Promise<Spent[]> =>
    Promise.all([first, second].map((server) => spendInMain(server, half)));
  await warmServing(one, path);
  await warmServing(two, path, 2);
  await askBoth();
  const ours: Found = { one: [], two: [] };
  const empty: Found = { one: [], two: [] };
  const shares: number[] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    ours.one.push(usPerRequest([await ask(one)]));
    const spent = await ask(two);
    ours.two.push(usPerRequest([spent]));
    shares.push(Math.min(...spent.threadsUs) / sum(spent.threadsUs));
    empty.one.push(usPerRequest([await spendInMain(first, load)]));
    empty.two.push(usPerRequest(await askBoth()));
  }
  return [
    { name: 'CPU time for a request, one serving thread', value: median(ours.one), unit: 'us' },
    { name: 'CPU time for a request, two serving threads', value: median(ours.two), unit: 'us' },
    { name: 'the lesser thread’s share of it', value: median(shares), unit: 'x' },
    {
      name: 'two serving threads against one',
      value: scaleOf(ours),
      unit: 'x',
      goal: { atLeast: 1.9 },
    },
    { name: 'CPU time for a request, one empty server', value: median(empty.one), unit: 'us' },
    { name: 'two empty servers against one', value: scaleOf(empty), unit: 'x' },
    {
      name: 'two threads against one, by what two empty servers can',
      value: scaleOf(ours) / scaleOf(empty),
      unit: 'x',
    },
  ];
}

/** 2 where each of two answers as many as one does alone. */
function scaleOf({ one, two }: Found): number {
  return 2 * medianRatio(one, two);
}
