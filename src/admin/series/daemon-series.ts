/**
 * What the daemon as a whole did: each of the last 300 seconds and of the last 1,440 minutes.
 * Touches nothing: whoever holds it says when a second is over.
 */
import { counterPlace, counterRowWords, durationBucketsS } from '../../journal/counter-fields.ts';
import type { ThreadLook } from '../../threads/gauges.ts';
import { quantileMs } from '../quantile.ts';
import { requestsIn } from './outcome-counts.ts';
import { Ring, roundAll } from './ring.ts';

export const seriesNames = [
  'requests',
  'errors',
  'p50Ms',
  'p99Ms',
  /** Of guests. */
  'cpuMs',
  'sentBytes',
  'running',
  'waiting',
  'lagMs',
  'instances',
  'connections',
  'residentBytes',
] as const;

export type SeriesName = (typeof seriesNames)[number];
export type Series = Readonly<Record<SeriesName, readonly (number | null)[]>>;

export interface DaemonSeriesOptions {
  readonly counters: { total(): Float64Array };
  readonly looks: () => readonly ThreadLook[];
  readonly residentBytes: () => number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

const secondsKept = 300;
const minutesKept = 1_440;
const secondsPerMinute = 60;

export class DaemonSeries {
  readonly #options: DaemonSeriesOptions;
  readonly #seconds = new Ring({ rows: secondsKept, width: seriesNames.length });
  readonly #minutes = new Ring({ rows: minutesKept, width: seriesNames.length });
  #last: Float64Array;
  /** What was counted in the minute that goes on, and the highest of what is not counted. */
  #minute = new Float64Array(counterRowWords);
  #highest = emptyGauges();
  #secondsOfMinute = 0;
  #endsAtMs: number;
  #minuteEndsAtMs: number;
  #controlLagMs = 0;

  constructor(options: DaemonSeriesOptions) {
    this.#options = options;
    this.#last = options.counters.total();
    this.#endsAtMs = options.nowMs();
    this.#minuteEndsAtMs = this.#endsAtMs;
  }

  /** How much later than a second after the last one this second came. */
  get controlLagMs(): number {
    return this.#controlLagMs;
  }

  /** A second is over. */
  tick(): void {
    const now = this.#options.counters.total();
    // A row that was freed begins at nothing.
    const grown = now.map((word, at) => Math.max(0, word - (this.#last[at] ?? 0)));
    this.#last = now;
    const gauges = this.#readGauges();
    this.#seconds.add(rowOf(grown, gauges));
    const endsAtMs = this.#options.nowMs();
    this.#controlLagMs = Math.max(0, endsAtMs - this.#endsAtMs - 1_000);
    this.#endsAtMs = endsAtMs;
    for (const [at, word] of grown.entries()) this.#minute[at] = (this.#minute[at] ?? 0) + word;
    for (const name of gaugeColumns) {
      this.#highest[name] = Math.max(this.#highest[name], gauges[name]);
    }
    this.#secondsOfMinute += 1;
    if (this.#secondsOfMinute < secondsPerMinute) return;
    this.#minutes.add(rowOf(this.#minute, this.#highest));
    this.#minuteEndsAtMs = this.#endsAtMs;
    this.#minute = new Float64Array(counterRowWords);
    this.#highest = emptyGauges();
    this.#secondsOfMinute = 0;
  }

  /** The oldest first; the newest `steps` of them. Counts are of the whole step. */
  read(
    stepS: 1 | 60,
    steps: number,
  ): { readonly endsAtMs: number; readonly stepS: number; readonly series: Series } {
    const ring = stepS === 1 ? this.#seconds : this.#minutes;
    const columns = seriesNames.map((name, at) => [name, roundAll(ring.column(at, steps))]);
    const endsAtMs = stepS === 1 ? this.#endsAtMs : this.#minuteEndsAtMs;
    return { endsAtMs, stepS, series: Object.fromEntries(columns) as Series };
  }

  #readGauges(): Gauges {
    const looks = this.#options.looks();
    const sum = (of: (look: ThreadLook) => number): number =>
      looks.reduce((total, look) => total + of(look), 0);
    return {
      running: sum(({ gauges }) => gauges.runsRunning),
      waiting: sum(({ gauges }) => gauges.runsWaiting + gauges.runsQueued),
      lagMs: Math.max(0, ...looks.map(({ gauges }) => gauges.lagMs)),
      instances: sum(({ gauges }) => gauges.runsRunning + gauges.idleGuests),
      connections: sum(({ gauges }) => gauges.http1Connections + gauges.http2Connections),
      residentBytes: this.#options.residentBytes() ?? 0,
    };
  }
}

const gaugeColumns = [
  'running',
  'waiting',
  'lagMs',
  'instances',
  'connections',
  'residentBytes',
] as const;
type Gauges = Record<(typeof gaugeColumns)[number], number>;

function emptyGauges(): Gauges {
  return { running: 0, waiting: 0, lagMs: 0, instances: 0, connections: 0, residentBytes: 0 };
}

function rowOf(words: Float64Array, gauges: Gauges): readonly number[] {
  const from = counterPlace.durations;
  const durations = words.subarray(from, from + durationBucketsS.length + 1);
  const { errors, requests } = requestsIn(words);
  const values: Record<SeriesName, number> = {
    ...gauges,
    ...{ requests, errors },
    p50Ms: quantileMs(durations, 0.5) ?? Number.NaN,
    p99Ms: quantileMs(durations, 0.99) ?? Number.NaN,
    cpuMs: (words[counterPlace.guestCpuUs] ?? 0) / 1_000,
    sentBytes: words[counterPlace.sentBytes] ?? 0,
  };
  return seriesNames.map((name) => values[name]);
}
