/**
 * A real load generator: wrk where it is installed, autocannon otherwise. Touches other processes
 * and the network, on loopback only.
 */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import { placed } from './pinning.ts';
import { median, type Row } from './report.ts';

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

/** For a large guest: V8 optimises its functions, and ours that serve it, one after another. */
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

/** What a server answered until it was as fast as it gets. */
export interface Settling {
  readonly requests: number;
  readonly seconds: number;
}

/** Long enough to tell rates apart, short enough to tell when. */
const settlingRoundSeconds = 2;
/** So much faster than any round before: it goes on getting faster. */
const fasterShare = 0.03;
/** What V8 optimises next may be some ten thousand requests away. */
const steadyRoundsMin = 8;
const settlingRoundsMax = 60;
/** Of the rate in the end: from there on what is left is not worth waiting for. */
const settledShare = 0.9;

/**
 * Puts load on a server until it gets no faster: V8 optimises the functions of a large guest, and
 * ours that serve it, one after another. Until then a greeting in JavaScript takes twice the time.
 */
export async function settle(url: string, plan: Omit<LoadPlan, 'seconds'>): Promise<Settling> {
  // The first answers of a large guest may come late.
  const round = { answerSMax: othersAnswerSMax, ...plan, seconds: settlingRoundSeconds };
  const rates: number[] = [];
  let best = 0;
  let bestAt = 0;
  while (rates.length < settlingRoundsMax && rates.length - bestAt < steadyRoundsMin) {
    const rate = await measureRate(url, round);
    if (rate > best * (1 + fasterShare)) {
      best = rate;
      bestAt = rates.length;
    }
    rates.push(rate);
  }
  return settlingOf(rates);
}

/** Of rounds of two seconds each, of which the last few are as fast as it gets. */
export function settlingOf(rates: readonly number[]): Settling {
  const settledRate = median(rates.slice(-steadyRoundsMin)) * settledShare;
  const found = rates.findIndex((rate) => rate >= settledRate);
  const slow = rates.slice(0, Math.max(found, 0));
  const requests = slow.reduce((sum, rate) => sum + rate * settlingRoundSeconds, 0);
  return { requests, seconds: slow.length * settlingRoundSeconds };
}

/** Nothing of what a rate is without is hidden: how long a visitor waits for it. */
export function settlingRows(
  name: string,
  untilOptimised: number,
  settling: Settling,
): readonly Row[] {
  return [
    {
      name: `${name}: from first answer until V8 may optimise it`,
      value: untilOptimised,
      unit: 's',
    },
    {
      name: `${name}: requests from then until a tenth from its rate`,
      value: settling.requests,
      unit: 'requests',
    },
    { name: `${name}: seconds of load until then`, value: settling.seconds, unit: 's' },
  ];
}
