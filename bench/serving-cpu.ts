/**
 * What serving threads take for their requests, by the scheduler's own count: it stays the same
 * when other programs, the load generator among them, want the processors. Touches /proc, other
 * processes and loopback.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type LoadPlan, putLoad } from './load.ts';
import { askUntil, type Server } from './servers.ts';

const nsPerUs = 1_000;
/** As `comm` has it. */
const threadName = 'serving';

/** V8 has settled by then, in each thread for itself; what it compiles counts until then. */
const warmRequests = 120_000;
const warmSeconds = 3;
const warmTurnsMax = 30;

export interface Spent {
  /** Of each thread, in microseconds. */
  readonly threadsUs: readonly number[];
  readonly requests: number;
}

/** Puts load on `path` of a daemon: what its serving threads took for it. */
export async function spendServing(server: Server, path: string, plan: LoadPlan): Promise<Spent> {
  const isServing = (name: string): boolean => name.startsWith(threadName);
  return spend(() => readThreads(server.pid, isServing), `${server.url}${path}`, plan);
}

/**
 * Until each of its `threads` has settled: counted in requests, because a machine that is busy with
 * others needs longer for them.
 */
export async function warmServing(server: Server, path: string, threads = 1): Promise<void> {
  let left = warmRequests * threads;
  for (let turn = 0; turn < warmTurnsMax && left > 0; turn += 1) {
    const load = { connections: 32 * threads, seconds: warmSeconds };
    const { requests } = await spendServing(server, path, load);
    left -= requests;
  }
}

/** As `spendServing`, of a server that answers in its main thread. */
export async function spendInMain(server: Server, plan: LoadPlan): Promise<Spent> {
  const read = (): readonly number[] => [readThread(`/proc/${server.pid}/task/${server.pid}`)];
  return spend(read, server.url, plan);
}

/** Of all threads together, in microseconds. */
export function usPerRequest(spent: readonly Spent[]): number {
  const us = spent.flatMap(({ threadsUs }) => threadsUs);
  return sum(us) / sum(spent.map(({ requests }) => requests));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

async function spend(read: () => readonly number[], url: string, plan: LoadPlan): Promise<Spent> {
  await askUntil(url, () => true);
  const before = read();
  const { requestsPerS, failures } = await putLoad(url, plan);
  if (failures > 0) throw new Error(`Cannot measure ${url}: ${failures} requests failed`);
  const threadsUs = read().map((us, index) => us - (before[index] ?? 0));
  return { threadsUs, requests: requestsPerS * plan.seconds };
}

function readThreads(pid: number, isWanted: (name: string) => boolean): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .filter((id) => isWanted(readFileSync(`${tasks}/${id}/comm`, 'utf8')))
    .map((id) => readThread(`${tasks}/${id}`));
}

/** What the thread has run, in microseconds. */
function readThread(directory: string): number {
  const [ranNs] = readFileSync(`${directory}/schedstat`, 'utf8').split(' ');
  return Number(ranNs) / nsPerUs;
}
