/** What the watch of turns found, in words. Pure. */

/** One turn of an event loop, on the thread's own clock. */
export interface Turn {
  readonly fromMs: number;
  readonly toMs: number;
  /** By the thread's CPU time. */
  readonly cpuMs: number;
  /** By the clock; the rest of it the thread has waited for a core, or for a helper. */
  readonly activeMs: number;
}

/** Of V8's collector, as `perf_hooks` tells them. */
export interface Collection {
  readonly atMs: number;
  readonly ms: number;
  readonly kind: number;
}

export interface ThreadTurns {
  readonly thread: string;
  readonly turns: number;
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Those that took long by the clock. */
  readonly told: readonly Turn[];
  readonly collections: readonly Collection[];
  readonly samples: readonly { readonly atMs: number; readonly stack: readonly string[] }[];
}

const collectionNames: Readonly<Record<number, string>> = {
  1: 'young',
  2: 'small mark-compact',
  4: 'mark-compact',
  8: 'step of marking',
  16: 'weak references',
};
const longestShown = 5;
const placesShown = 4;
/** Turns as long as this are what a visitor notices. */
const longMs = 15;

/** Some lines a thread, those that worked the most first. */
export function describeTurns(threads: readonly ThreadTurns[]): string[] {
  return threads
    .toSorted((left, right) => right.cpuMs - left.cpuMs)
    .filter(({ turns }) => turns > 0)
    .flatMap(describeThread);
}

function describeThread(thread: ThreadTurns): string[] {
  const { told, collections } = thread;
  const long = told.filter(({ cpuMs }) => cpuMs >= longMs);
  const waited = told.filter(({ cpuMs, activeMs }) => activeMs - cpuMs >= longMs);
  return [
    `  ${thread.thread}: ${thread.turns} turns, ${ms(thread.cpuMs)} of CPU, a turn ` +
      `p50 ${ms(thread.p50Ms)}, p99 ${ms(thread.p99Ms)}; ${long.length} of ${longMs} ms or ` +
      `more (${ms(sum(long.map(({ cpuMs }) => cpuMs)))}); ${waited.length} waited as long`,
    `    collector: ${describeCollections(collections)}`,
    ...told
      .toSorted((left, right) => right.cpuMs - left.cpuMs)
      .slice(0, longestShown)
      .map((turn) => `    ${describeTurn(turn, thread)}`),
    `    in all long turns: ${describePlaces(samplesIn(long, thread))}`,
    `    in all: ${describePlaces(thread.samples.map(({ stack }) => stack))}`,
  ];
}

function describeTurn(turn: Turn, thread: ThreadTurns): string {
  const within = thread.collections.filter(
    ({ atMs, ms: length }) => atMs < turn.toMs && atMs + length > turn.fromMs,
  );
  return (
    `${ms(turn.cpuMs)} of CPU in ${ms(turn.activeMs)}: collector ` +
    `${within.length === 0 ? 'none' : describeCollections(within)}; ` +
    describePlaces(samplesIn([turn], thread))
  );
}

function describeCollections(collections: readonly Collection[]): string {
  const kinds = Map.groupBy(collections, ({ kind }) => collectionNames[kind] ?? `kind ${kind}`);
  return [...kinds]
    .map(([name, each]) => {
      const lengths = each.map((one) => one.ms);
      return `${each.length} ${name} ${ms(sum(lengths))}, longest ${ms(Math.max(...lengths))}`;
    })
    .join('; ');
}

function samplesIn(turns: readonly Turn[], thread: ThreadTurns): readonly (readonly string[])[] {
  return thread.samples
    .filter(({ atMs }) => turns.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs))
    .map(({ stack }) => stack);
}

/** Where the most samples were taken: the innermost place, and the first of ours around it. */
function describePlaces(stacks: readonly (readonly string[])[]): string {
  const busy = stacks.filter(([innermost]) => innermost !== '(idle)');
  const places = Map.groupBy(busy, placeOf);
  return [...places]
    .toSorted(([, left], [, right]) => right.length - left.length)
    .slice(0, placesShown)
    .map(([place, each]) => `${Math.round((100 * each.length) / busy.length)} % ${place}`)
    .join(', ');
}

function placeOf([innermost = 'nothing', ...around]: readonly string[]): string {
  const ours = around.find((frame) => frame.includes('.ts:'));
  return innermost.includes('.ts:') || ours === undefined ? innermost : `${innermost} < ${ours}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}
