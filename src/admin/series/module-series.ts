/**
 * What each module did in each ten seconds of the last hour: 7 KiB a module that had a request.
 * Touches nothing: whoever holds it says when ten seconds are over.
 */
import type { CountedRow } from '../../journal/counter-book.ts';
import { counterPlace, durationBucketsS } from '../../journal/counter-fields.ts';
import { quantileMs } from '../quantile.ts';
import { requestsIn } from './outcome-counts.ts';
import { Ring, roundAll } from './ring.ts';

export const moduleStepS = 10;
const stepsKept = 360;
/** Modules that are told one by one where many are told. */
const toldMax = 8;

const columns = { requests: 0, errors: 1, cpuMs: 2, p50Ms: 3, p99Ms: 4 } as const;
type Column = keyof typeof columns;
const columnNames = Object.keys(columns) as readonly Column[];

interface Kept {
  readonly folderKey: CountedRow['folderKey'];
  readonly modulePath: CountedRow['modulePath'];
  last: Float64Array;
  /** Made with the first request: most modules of a large host have none in a day. */
  ring: Ring | undefined;
}

export interface ModuleFilter {
  readonly folder?: string | undefined;
  readonly module?: string | undefined;
}

export interface ToldSeries {
  readonly endsAtMs: number;
  readonly stepS: number;
}

export class ModuleSeries {
  readonly #rows = new Map<number, Kept>();
  readonly #nowMs: () => number;
  #ticks = 0;
  #endsAtMs: number;

  /** @param nowMs Milliseconds since the Unix epoch. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#endsAtMs = nowMs();
  }

  /** Ten seconds are over. */
  tick(counted: Iterable<CountedRow>): void {
    this.#ticks += 1;
    this.#endsAtMs = this.#nowMs();
    const seen = new Set<number>();
    for (const row of counted) {
      seen.add(row.row);
      this.#take(row);
    }
    for (const row of this.#rows.keys()) if (!seen.has(row)) this.#rows.delete(row);
  }

  /** Of one module, or added up over a folder's: durations are then those of the slowest. */
  read(filter: ModuleFilter): ToldSeries & { readonly series: Record<Column, unknown> } {
    const rings = [...this.#matching(filter)].flatMap(({ ring }) => ring ?? []);
    const series = columnNames.map((name) => {
      const combine = name === 'p50Ms' || name === 'p99Ms' ? highest : plus;
      const sum = new Float32Array(this.#steps).fill(combine === highest ? Number.NaN : 0);
      for (const ring of rings) addAtEnd(sum, ring.column(columns[name]), combine);
      return [name, roundAll(sum)] as const;
    });
    return {
      ...{ endsAtMs: this.#endsAtMs, stepS: moduleStepS },
      series: Object.fromEntries(series) as Record<Column, unknown>,
    };
  }

  /** CPU time by module: those that had most of it, and all others together. */
  cpu(filter: ModuleFilter): ToldSeries & { readonly rows: readonly unknown[] } {
    const all = [...this.#matching(filter)].flatMap(({ ring, folderKey, modulePath }) => {
      if (ring === undefined) return [];
      const values = ring.column(columns.cpuMs);
      const total = values.reduce((sum, value) => sum + value, 0);
      return total === 0 ? [] : [{ folderKey, modulePath, values, total }];
    });
    all.sort((one, other) => other.total - one.total);
    const told = all.slice(0, toldMax).map(({ folderKey, modulePath, values }) => ({
      ...{ folder: folderKey ?? null, module: modulePath ?? null },
      values: this.#aligned([values]),
    }));
    const rest = all.slice(toldMax).map(({ values }) => values);
    const others = { folder: null, module: null, isRest: true, values: this.#aligned(rest) };
    return {
      ...{ endsAtMs: this.#endsAtMs, stepS: moduleStepS },
      rows: rest.length === 0 ? told : [...told, others],
    };
  }

  get #steps(): number {
    return Math.min(this.#ticks, stepsKept);
  }

  #aligned(parts: readonly Float32Array[]): (number | null)[] {
    const sum = new Float32Array(this.#steps);
    for (const part of parts) addAtEnd(sum, part, plus);
    return roundAll(sum);
  }

  *#matching({ folder, module }: ModuleFilter): IterableIterator<Kept> {
    for (const kept of this.#rows.values()) {
      if (folder !== undefined && kept.folderKey !== folder) continue;
      if (module !== undefined && kept.modulePath !== module) continue;
      yield kept;
    }
  }

  /** A row that another module has now begins anew. */
  #take({ row, folderKey, modulePath, words }: CountedRow): void {
    const known = this.#rows.get(row);
    const isSame = known?.folderKey === folderKey && known?.modulePath === modulePath;
    const nothing = new Float64Array(words.length);
    const kept: Kept =
      known !== undefined && isSame
        ? known
        : { folderKey, modulePath, ring: undefined, last: nothing };
    this.#rows.set(row, kept);
    const { last } = kept;
    const grown = words.map((word, at) => Math.max(0, word - (last[at] ?? 0)));
    kept.last = words;
    const values = valuesOf(grown);
    if (kept.ring === undefined && values[columns.requests] === 0) return;
    kept.ring ??= new Ring({ rows: stepsKept, width: columnNames.length });
    kept.ring.add(values);
  }
}

function valuesOf(grown: Float64Array): readonly number[] {
  const from = counterPlace.durations;
  const durations = grown.subarray(from, from + durationBucketsS.length + 1);
  const { errors, requests } = requestsIn(grown);
  const values: Record<Column, number> = {
    ...{ requests, errors },
    cpuMs: (grown[counterPlace.guestCpuUs] ?? 0) / 1_000,
    p50Ms: quantileMs(durations, 0.5) ?? Number.NaN,
    p99Ms: quantileMs(durations, 0.99) ?? Number.NaN,
  };
  return columnNames.map((name) => values[name]);
}

/** Both end now: the shorter one began later. */
function addAtEnd(
  sum: Float32Array,
  part: Float32Array,
  combine: (one: number, other: number) => number,
): void {
  const offset = sum.length - part.length;
  for (const [at, value] of part.entries()) {
    if (at + offset >= 0) sum[at + offset] = combine(sum[at + offset] ?? 0, value);
  }
}

function plus(one: number, other: number): number {
  return one + other;
}

function highest(one: number, other: number): number {
  if (Number.isNaN(one)) return other;
  return Number.isNaN(other) ? one : Math.max(one, other);
}
