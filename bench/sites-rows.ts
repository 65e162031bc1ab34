/**
 * Many sites on one daemon, as shipped and with one serving thread: what first visits cost, what
 * each further module costs, what a restart costs, and what folders cost that nobody visits.
 * Processor time is counted beside the clock, because it stays the same on a busy machine. Each
 * part takes some minutes. Needs Linux and `wrk`; rows of a large program need FASTLY_GUESTS.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { generatorName } from './load.ts';
import { cpuSince, readCpu, readResidentMib } from './process-cpu.ts';
import { median, medianRatio, type Row } from './report.ts';
import { type Load, Sites, type Visit } from './sites.ts';

const ms = 'ms';
/** A folder counts as idle when nobody has asked for so long; see folder/rhythm.ts. */
const idleAfterMs = 160_000;
const idleMeasuredMs = 30_000;
/** How many first visits are under way, where they do not all come at once. */
const visitsAtOnce = 16;
/** What comes behind the first answer of the other site. */
const restMs = 2_000;
const warmSeconds = 10;
/** Of 10,000 sites. */
const largeGoals = { ratioMin: 0.5, p99RatioMax: 5, residentMibMax: 2_048 };

type Measure = (plan: DaemonPlan) => Promise<readonly Row[]>;

/** The parts, each a group of its own: together they take too long for most occasions. */
export const sitesParts: Readonly<Record<string, Measure>> = {
  'sites-first': whereMeasurable(measureFirst),
  'sites-twins': whereMeasurable(measureTwins),
  'sites-idle': whereMeasurable(measureIdle),
  'sites-own': whereMeasurable(measureOwn),
  'sites-own-many': whereMeasurable(measureOwnMany),
};

function whereMeasurable(measure: Measure): Measure {
  return async (plan) => {
    if (process.platform === 'linux' && generatorName === 'wrk') return await measure(plan);
    return [{ name: 'many sites', value: Number.NaN, unit: 'not measured: needs Linux and wrk' }];
  };
}

async function measureFirst(plan: DaemonPlan): Promise<readonly Row[]> {
  return [
    ...(await measureCold(plan, { program: smallGuest(), size: '80 kB', newMs: 60, keptMs: 10 })),
    ...(await measureLarge(plan)),
    ...(await measureVisits(false)),
    ...(await measureVisits(true)),
  ];
}

interface ColdPlan {
  readonly program: string;
  readonly path?: string;
  readonly size: string;
  /** Goals. */
  readonly newMs: number;
  readonly keptMs: number;
}

/**
 * A module that no daemon has seen; and after a restart of the one that has. On all processors, in
 * a daemon that has answered for another site.
 */
async function measureCold(
  { rounds }: DaemonPlan,
  { program, path, size, newMs, keptMs }: ColdPlan,
): Promise<readonly Row[]> {
  const found = { new: [] as Visit[], kept: [] as Visit[] };
  for (let round = 0; round < rounds; round += 1) {
    const sizes = { count: 2, moduleCount: 2, isFree: true };
    await using sites = await Sites.start({ ...sizes, program, otherProgram: smallGuest() });
    for (const visits of [found.new, found.kept]) {
      // The site is new, not the process.
      await sites.visit(1);
      await sleep(restMs);
      visits.push(await sites.visit(0, path));
      if (visits === found.new) await sites.restart();
    }
  }
  const name = `first visit of a site, module of ${size}`;
  return [
    ...describeCold(`${name}, never seen`, found.new, newMs),
    ...describeCold(`${name}, kept, after a restart`, found.kept, keptMs),
  ];
}

/** The goal is for what comes after the DNS server's answer: how soon that comes is not ours. */
function describeCold(name: string, visits: readonly Visit[], atMost: number): readonly Row[] {
  const of = (what: 'afterDnsMs' | 'ownMs') => median(visits.map((visit) => visit[what]));
  return [
    { name: `${name}, with its DNS lookup`, value: of('ownMs'), unit: ms },
    { name, value: of('afterDnsMs'), unit: ms, goal: { atMost } },
  ];
}

async function measureLarge(plan: DaemonPlan): Promise<readonly Row[]> {
  const program = join(process.env.FASTLY_GUESTS ?? '', 'javascript.wasm');
  if (process.env.FASTLY_GUESTS === undefined || !existsSync(program)) {
    const unit = 'not measured: set FASTLY_GUESTS';
    return [{ name: 'first visit of a site, module of 11 MB', value: Number.NaN, unit }];
  }
  return await measureCold(plan, {
    program,
    path: '/hello',
    size: '11 MB',
    newMs: 1_500,
    keptMs: 350,
  });
}

/** On all processors: what visitors wait for is no load, and nothing competes with it. */
async function measureVisits(hasOwnCode: boolean): Promise<readonly Row[]> {
  const sizes = { count: 300, moduleCount: 300 };
  const plan = { ...sizes, hasOwnCode, program: smallGuest(), isFree: true };
  await using sites = await Sites.start(plan);
  const { visits, cpuMs } = await sites.visitAll(300);
  const slowest = (each: 'firstMs' | 'ownMs') => Math.max(...visits.map((visit) => visit[each]));
  const name = `300 first visits at once${hasOwnCode ? ', modules of own code' : ''}`;
  return [
    {
      name: `${name}: slowest answer`,
      value: slowest('firstMs') / 1_000,
      unit: 's',
      goal: { atMost: 3 },
    },
    {
      name: `${name}: all served`,
      value: slowest('ownMs') / 1_000,
      unit: 's',
      goal: { atMost: 30 },
    },
    { name: `${name}: processor time of each`, value: cpuMs / 300, unit: ms },
  ];
}

/** Modules that differ in a custom section alone. */
async function measureTwins(plan: DaemonPlan): Promise<readonly Row[]> {
  await using few = await startWarm({ count: 10, moduleCount: 10 });
  return [
    ...(await compare(plan, few, { count: 300, moduleCount: 300, ratioMin: 0.8 })),
    ...(await compare(plan, few, { count: 10_000, moduleCount: 1_000, ...largeGoals })),
  ];
}

/** The same, with what folders cost after a restart, and when nobody visits them any more. */
async function measureIdle(plan: DaemonPlan): Promise<readonly Row[]> {
  await using few = await startWarm({ count: 10, moduleCount: 10 });
  return await compare(plan, few, { count: 2_000, moduleCount: 300, andThen: measureRestart });
}

/** The same where no two modules have code in common: what is shared between twins is not. */
async function measureOwn(plan: DaemonPlan): Promise<readonly Row[]> {
  const hasOwnCode = true;
  await using few = await startWarm({ count: 10, moduleCount: 10, hasOwnCode });
  return [
    ...(await compare(plan, few, { count: 300, moduleCount: 300, hasOwnCode, ratioMin: 0.8 })),
    ...(await compare(plan, few, { count: 3_000, moduleCount: 300, hasOwnCode })),
  ];
}

async function measureOwnMany(plan: DaemonPlan): Promise<readonly Row[]> {
  const hasOwnCode = true;
  await using few = await startWarm({ count: 10, moduleCount: 10, hasOwnCode });
  const many = { count: 10_000, moduleCount: 1_000, hasOwnCode, ...largeGoals };
  return await compare(plan, few, many);
}

async function startWarm(plan: Pick<ManyPlan, 'count' | 'moduleCount' | 'hasOwnCode'>) {
  const { count, moduleCount, hasOwnCode = false } = plan;
  const sites = await Sites.start({ count, moduleCount, hasOwnCode, program: smallGuest() });
  await sites.visitAll(visitsAtOnce);
  await warm(sites);
  return sites;
}

/** Twice: the first time code is still compiled and made fast. */
async function warm(sites: Sites): Promise<void> {
  for (const _ of [1, 2]) await sites.putLoad(warmSeconds);
}

interface ManyPlan {
  readonly count: number;
  readonly moduleCount: number;
  /** See `SitesPlan`. */
  readonly hasOwnCode?: boolean;
  readonly ratioMin?: number;
  readonly p99RatioMax?: number;
  readonly residentMibMax?: number;
  /** What else is measured of them. */
  readonly andThen?: (sites: Sites) => Promise<readonly Row[]>;
}

/** Many sites beside few, by turns. */
async function compare(
  { rounds, seconds }: DaemonPlan,
  few: Sites,
  { ratioMin, p99RatioMax, residentMibMax, andThen, ...plan }: ManyPlan,
): Promise<readonly Row[]> {
  await using many = await startWarm(plan);
  const loads: { readonly few: Load[]; readonly many: Load[] } = { few: [], many: [] };
  for (let round = 0; round < rounds; round += 1) {
    loads.few.push(await few.putLoad(seconds));
    loads.many.push(await many.putLoad(seconds));
  }
  const of = (which: 'few' | 'many', what: keyof Load) => loads[which].map((load) => load[what]);
  const ratio = (what: keyof Load) => medianRatio(of('many', what), of('few', what));
  const { count, moduleCount, hasOwnCode = false } = plan;
  const name = `${count} sites × ${moduleCount} modules${hasOwnCode ? ' of own code' : ''}`;
  const against = `${name} against 10 × 10`;
  return [
    {
      name: `10 × 10 beside ${name}`,
      value: median(of('few', 'requestsPerS')),
      unit: 'requests/s',
    },
    { name, value: median(of('many', 'requestsPerS')), unit: 'requests/s' },
    {
      name: against,
      value: ratio('requestsPerS'),
      unit: 'x',
      ...(ratioMin === undefined ? {} : { goal: { atLeast: ratioMin } }),
    },
    { name: `${against}: processor time`, value: ratio('cpuUs'), unit: 'x' },
    { name: `${name}: p99`, value: median(of('many', 'p99Ms')), unit: ms },
    {
      name: `${against}: p99`,
      value: ratio('p99Ms'),
      unit: 'x',
      ...(p99RatioMax === undefined ? {} : { goal: { atMost: p99RatioMax } }),
    },
    {
      name: `${name}: resident`,
      value: readResidentMib(many.pid),
      unit: 'MiB',
      ...(residentMibMax === undefined ? {} : { goal: { atMost: residentMibMax } }),
    },
    ...((await andThen?.(many)) ?? []),
  ];
}

/** The first visit of each site after a restart, and what the folders cost afterwards. */
async function measureRestart(sites: Sites): Promise<readonly Row[]> {
  await sites.restart();
  const { visits, cpuMs } = await sites.visitAll(visitsAtOnce);
  const slowest = Math.max(...visits.map(({ ownMs }) => ownMs));
  const share = async (forMs: number): Promise<number> => {
    const before = readCpu(sites.pid);
    await sleep(forMs);
    return cpuSince(sites.pid, before).mainMs / forMs;
  };
  const inUse = await share(idleMeasuredMs);
  await sleep(idleAfterMs - idleMeasuredMs);
  const name = `first visits of ${sites.count} sites after a restart`;
  const plane = `control plane, ${sites.count} folders`;
  return [
    {
      name: `${name}: processor time of each`,
      value: cpuMs / sites.count,
      unit: ms,
      goal: { atMost: 50 },
    },
    { name: `${name}: slowest, ${visitsAtOnce} at once`, value: slowest, unit: ms },
    { name: `${plane} just visited`, value: inUse, unit: 'cores' },
    {
      name: `${plane} idle`,
      value: await share(idleMeasuredMs),
      unit: 'cores',
      goal: { atMost: 0.05 },
    },
  ];
}
