/**
 * A real load generator: wrk where it is installed, autocannon otherwise. Touches other processes
 * and the network, on loopback only.
 */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import { placed } from './pinning.ts';

export interface LoadPlan {
  readonly connections: number;
  readonly seconds: number;
  /** Of each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What takes longer has failed. */
  readonly answerSMax?: number;
}

export interface LoadResult {
  readonly requestsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Connections that broke, and answers that were not 2xx. */
  readonly failures: number;
  /** CPU time of the generator by that of one processor; NaN where it is not known. */
  readonly generatorShare: number;
}

const run = promisify(execFile);
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

/** As wrk has it. */
const answerSMaxUsual = 2;
/** A server that answers one request at a time may keep others waiting for its collector. */
const othersAnswerSMax = 10;

export const generatorName = hasWrk ? 'wrk' : 'autocannon';

/**
 * For a large guest: V8 optimises its functions, and ours that serve it, one after another on the
 * same processor. A greeting in JavaScript took half as long after 40,000 requests as after 2,000.
 */
export const warmSeconds = 20;

export function putLoad(url: string, plan: LoadPlan): Promise<LoadResult> {
  return hasWrk ? putWrkLoad(url, plan) : putAutocannonLoad(url, plan);
}

async function putWrkLoad(url: string, plan: LoadPlan): Promise<LoadResult> {
  const { connections, seconds, headers = {}, answerSMax = answerSMaxUsual } = plan;
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const how = ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', `--timeout=${answerSMax}`];
  const wrk = ['wrk', ...how, ...fields, url];
  // The shell tells what its children took.
  const { stdout } = await run('sh', ['-c', '"$@"; times', 'sh', ...placed('generator', wrk)]);
  const count = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    stdout,
  );
  const socketErrors = (broken ?? []).slice(1).reduce((sum, each) => sum + Number(each), 0);
  return {
    requestsPerS: count(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: readLatency(stdout, '50%'),
    p99Ms: readLatency(stdout, '99%'),
    failures: socketErrors + count(/Non-2xx or 3xx responses: (\d+)/),
    generatorShare: readChildSeconds(stdout) / seconds,
  };
}

/** The last line of `times`: user and system time of the children, as `0m1.234s 0m0.567s`. */
function readChildSeconds(text: string): number {
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  const spent = [...last.matchAll(/(\d+)m([\d.]+)s/g)];
  return spent.length === 2
    ? spent.reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0)
    : Number.NaN;
}

/** wrk writes `99%    1.25ms`, with us, ms or s as it fits. */
function readLatency(text: string, share: string): number {
  const [, value, unit] = new RegExp(`${share}\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
  const factor = { us: 0.001, ms: 1, s: 1_000 }[unit ?? ''] ?? Number.NaN;
  return Number(value) * factor;
}

async function putAutocannonLoad(url: string, plan: LoadPlan): Promise<LoadResult> {
  const result = await autocannon({
    url,
    connections: plan.connections,
    duration: plan.seconds,
    timeout: plan.answerSMax ?? answerSMaxUsual,
    headers: { ...plan.headers },
  });
  return {
    requestsPerS: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failures: result.errors + result.timeouts + result.non2xx,
    // It runs in this process, beside everything else.
    generatorShare: Number.NaN,
  };
}

/** Requests per second, of a server that answers every one of them. */
export async function measureRate(url: string, plan: LoadPlan): Promise<number> {
  const { requestsPerS, failures } = await putLoad(url, plan);
  if (failures > 0 || requestsPerS === 0) {
    const received = `${failures} that failed, ${requestsPerS} a second that did not`;
    throw new Error(`Cannot measure ${url}: every request must succeed: received ${received}`);
  }
  return requestsPerS;
}

/**
 * The same of a server that ours is compared with. NaN, and a word on standard error, where it does
 * not answer all: that is no reason to lose what else was measured.
 */
export async function measureOther(url: string, plan: LoadPlan): Promise<number> {
  const { requestsPerS, failures } = await putLoad(url, { answerSMax: othersAnswerSMax, ...plan });
  if (failures === 0 && requestsPerS > 0) return requestsPerS;
  console.error(`Left out of the medians: ${url}: ${failures} requests failed`);
  return Number.NaN;
}

/** So much faster than the round before: it goes on getting faster. */
const fasterShare = 0.03;
const warmRoundsMax = 10;

/** Puts load on a server until V8 has optimised what it wants to: large guests take longer. */
export async function warmUp(url: string, plan: LoadPlan): Promise<void> {
  let before = 0;
  for (let round = 0; round < warmRoundsMax; round += 1) {
    const rate = await measureRate(url, plan);
    if (rate < before * (1 + fasterShare)) return;
    before = rate;
  }
}
