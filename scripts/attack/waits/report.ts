/** Where Alice's slowest requests waited, and what their thread did meanwhile, in words. Pure. */
import type { Visit } from '../alice.ts';

/** All times are milliseconds of the one clock that the processes of a machine share. */
interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A run had the thread. */
export interface Hold extends Stretch {
  readonly owner: string;
}

/** What the event loop did between two waits for events. */
export interface Turn extends Stretch {
  readonly cpuMs: number;
}

/** What a request came to, and when: `heard`, `line`, `thread`, `left`, `open`, … */
export type Mark = readonly [step: string, atMs: number];

export interface ThreadWaits {
  readonly thread: string;
  readonly visits: readonly { readonly number: number; readonly marks: readonly Mark[] }[];
  readonly holds: readonly Hold[];
  readonly turns: readonly Turn[];
  readonly collections: readonly Stretch[];
}

/** The slowest of a hundred, and as many that come next: p99 lies between them. */
const slowShare = 0.02;
const longestShown = 8;
const stepsShown = 8;

export function describeWaits(
  visits: readonly Visit[],
  threads: readonly ThreadWaits[],
  { alice, startedAtMs }: { readonly alice: string; readonly startedAtMs: number },
): string[] {
  const slow = visits
    .toSorted((left, right) => right.tookMs - left.tookMs)
    .slice(0, Math.ceil(visits.length * slowShare));
  const seen = slow.map((visit) => follow(visit, threads, alice));
  if (seen.length === 0) return ['  waits: nobody was answered'];
  const secondOf = (visit: Visit): number => Math.floor((visit.sentAtMs - startedAtMs) / 1_000);
  const seconds = Map.groupBy(slow, secondOf);
  const kinds = [...Map.groupBy(seen, ({ visit }) => visit.kind)];
  const counts = kinds.map(([kind, each]) => `${each.length} of the ${kind}`);
  return [
    `  waits: the slowest ${slow.length} of ${visits.length}, ` +
      `from ${ms(slow.at(-1)?.tookMs ?? 0)}: ${counts.join(', ')}`,
    `    by the second they came in: ${[...seconds]
      .toSorted(([left], [right]) => left - right)
      .map(([second, each]) => `${second}: ${each.length}`)
      .join(', ')}`,
    ...kinds.flatMap(([kind, each]) => [
      `    the ${kind}, ${ms(mean(each.map(({ visit }) => visit.tookMs)))}: ${describeSteps(each)}`,
      `      meanwhile its thread: ${describeDeeds(each)}`,
    ]),
    ...seen.slice(0, longestShown).map((one) => {
      const second = ((one.visit.sentAtMs - startedAtMs) / 1_000).toFixed(1);
      const what = `${ms(one.visit.tookMs)}, the ${one.visit.kind}, at ${second} s`;
      return `    ${what}: ${describeSteps([one])}; ${describeDeeds([one])}`;
    }),
  ];
}

interface Followed {
  readonly visit: Visit;
  readonly steps: ReadonlyMap<string, number>;
  readonly deeds: ReadonlyMap<string, number>;
  /** Of its turns, the time in which the thread was on no core. */
  readonly corelessMs: number;
}

function follow(visit: Visit, threads: readonly ThreadWaits[], alice: string): Followed {
  const { number, sentAtMs, tookMs } = visit;
  const endMs = sentAtMs + tookMs;
  const whole = { fromMs: sentAtMs, toMs: endMs };
  for (const thread of threads) {
    const known = thread.visits.find((each) => each.number === number);
    if (known === undefined) continue;
    const marks = known.marks.filter(([, atMs]) => atMs <= endMs);
    return {
      visit,
      steps: stepsBetween([['sent', sentAtMs], ...marks, ['answered', endMs]]),
      deeds: deedsWithin(whole, thread, alice),
      corelessMs: corelessWithin(whole, thread.turns),
    };
  }
  return { visit, steps: new Map([['not seen', tookMs]]), deeds: new Map(), corelessMs: 0 };
}

function stepsBetween(marks: readonly Mark[]): Map<string, number> {
  const steps = new Map<string, number>();
  for (const [index, [step, atMs]] of marks.entries()) {
    const next = marks[index + 1];
    if (next !== undefined) add(steps, `${step} → ${next[0]}`, next[1] - atMs);
  }
  return steps;
}

/** Of several things at a time the innermost counts. */
function deedsWithin(whole: Stretch, thread: ThreadWaits, alice: string): Map<string, number> {
  const within = (one: Stretch): boolean => one.fromMs < whole.toMs && one.toMs > whole.fromMs;
  const layers: readonly (readonly [(one: Stretch) => string, readonly Stretch[]])[] = [
    [() => 'collector', thread.collections.filter(within)],
    [(one) => guestOf(one as Hold, alice), thread.holds.filter(within)],
    [() => 'other work', thread.turns.filter(within)],
  ];
  const edges = layers
    .flatMap(([, stretches]) => stretches.flatMap(({ fromMs, toMs }) => [fromMs, toMs]))
    .filter((edge) => edge > whole.fromMs && edge < whole.toMs);
  const cuts = [whole.fromMs, ...edges.toSorted((left, right) => left - right), whole.toMs];
  const deeds = new Map<string, number>();
  for (const [index, fromMs] of cuts.entries()) {
    const toMs = cuts[index + 1];
    if (toMs === undefined || toMs === fromMs) continue;
    const middleMs = (fromMs + toMs) / 2;
    add(deeds, deedAt(middleMs, layers), toMs - fromMs);
  }
  return deeds;
}

function deedAt(
  atMs: number,
  layers: readonly (readonly [(one: Stretch) => string, readonly Stretch[]])[],
): string {
  for (const [name, stretches] of layers) {
    const found = stretches.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
    if (found !== undefined) return name(found);
  }
  return 'nothing';
}

function guestOf({ owner }: Hold, alice: string): string {
  return owner === alice ? 'her guests' : "others' guests";
}

function corelessWithin(whole: Stretch, turns: readonly Turn[]): number {
  return turns.reduce((sum, turn) => {
    const lengthMs = turn.toMs - turn.fromMs;
    const overlapMs = Math.min(turn.toMs, whole.toMs) - Math.max(turn.fromMs, whole.fromMs);
    if (overlapMs <= 0) return sum;
    return sum + overlapMs * Math.max(0, 1 - turn.cpuMs / lengthMs);
  }, 0);
}

function describeSteps(seen: readonly Followed[]): string {
  return longest(sumUp(seen.map(({ steps }) => steps)), seen.length, stepsShown);
}

function describeDeeds(seen: readonly Followed[]): string {
  const deeds = longest(sumUp(seen.map((one) => one.deeds)), seen.length, stepsShown);
  const corelessMs = mean(seen.map((one) => one.corelessMs));
  return `${deeds}; ${ms(corelessMs)} without a core`;
}

function sumUp(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const map of maps) for (const [name, value] of map) add(sums, name, value);
  return sums;
}

/** Means over `count`, the longest first. */
function longest(sums: ReadonlyMap<string, number>, count: number, shown: number): string {
  return [...sums]
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, shown)
    .map(([name, sum]) => `${name} ${ms(sum / count)}`)
    .join(', ');
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, one) => sum + one, 0) / values.length;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
