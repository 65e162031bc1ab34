/** What the benchmarks found: a table for people, JSON for programs, the recorded baseline. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** One measured thing. Only ratios are compared from run to run: machines differ. */
export interface Row {
  readonly name: string;
  /** NaN where nothing was measured: then the unit says why. */
  readonly value: number;
  readonly unit: string;
  /** Set for ratios that are held to something. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
}

export interface MeasuredGroup {
  readonly name: string;
  readonly rows: readonly Row[];
}

/** What ran where: ratios move with the clock of the machine. */
export interface Machine {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  /** Programs that ran or waited, over the last minute. */
  readonly load: number;
  readonly generator: string;
  /** Servers had one core, and load generators another. */
  readonly isPinned: boolean;
}

/** What `--json` writes. */
export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly groups: readonly MeasuredGroup[];
}

export interface Comparison {
  readonly name: string;
  readonly before: number;
  readonly now: number;
}

const baselineFile = new URL('./baseline.json', import.meta.url);
/** By so much a ratio may be worse than the recorded one: shared machines are not steadier. */
const toleratedShare = 0.15;

/** Of those that are numbers: a round that failed is none. NaN where none is. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The median of `values[n] / others[n]`: what ran in the same round is compared. */
export function medianRatio(values: readonly number[], others: readonly number[]): number {
  return median(values.map((each, round) => each / (others[round] ?? Number.NaN)));
}

export function meetsGoal({ value, goal }: Row): boolean {
  if (goal === undefined) return true;
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

export function formatTable(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map((row) => {
      const { value: number, unit } = row;
      const told = isMeasured(row) ? `${formatNumber(number)} ${unit}` : `not measured (${unit})`;
      const value = told.padEnd(16);
      return `${row.name.padEnd(width)}  ${value}${formatGoal(row)}`.trimEnd();
    })
    .join('\n');
}

/** JSON has no NaN: what was not measured comes back as null. */
export function isMeasured({ value }: Row): boolean {
  return Number.isFinite(value);
}

/** Ratios that are clearly worse than in the recorded baseline. */
export function compareToBaseline(rows: readonly Row[]): readonly Comparison[] {
  if (!existsSync(baselineFile)) return [];
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as Record<string, number>;
  return rows.flatMap((row) => {
    const before = baseline[row.name];
    if (before === undefined || row.goal === undefined || row.unit !== 'x') return [];
    const change = 'atLeast' in row.goal ? before / row.value : row.value / before;
    return change > 1 + toleratedShare ? [{ name: row.name, before, now: row.value }] : [];
  });
}

/** Keeps the ratios of this run, and those of rows that were left out of it. */
export function recordBaseline(rows: readonly Row[]): void {
  const kept = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, 'utf8')) : {};
  for (const { name, value, unit, goal } of rows) {
    if (goal === undefined || unit !== 'x' || !Number.isFinite(value)) continue;
    kept[name] = Number(value.toPrecision(3));
  }
  writeFileSync(baselineFile, `${JSON.stringify(kept, null, 2)}\n`);
}

export function formatNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function formatGoal(row: Row): string {
  if (row.goal === undefined || !isMeasured(row)) return '';
  return meetsGoal(row) ? `ok (${goalRule(row.goal)})` : `MISSED (${goalRule(row.goal)})`;
}

export function goalRule(goal: NonNullable<Row['goal']>): string {
  return 'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
}
