/** What must hold under an attack, and whether it did. Pure. */
import type { Experience } from './alice.ts';

/** What one trial measured. */
export interface Measured {
  readonly without: Experience;
  readonly during: Experience;
  readonly residentStartBytes: number;
  readonly residentMaxBytes: number;
  /** Some time after the attack. */
  readonly residentEndBytes: number;
  /** How long it took to end when asked to; undefined: it did not end cleanly. */
  readonly drainMs: number | undefined;
  /** The process ended by itself. */
  readonly hasDied: boolean;
}

export interface Bars {
  /** Alice's p99 may grow by this factor, */
  readonly p99FactorMax: number;
  /** or up to this, whichever is more. */
  readonly p99MsFloor: number;
  /** The same for the values that she stores, by the median: the disk is everybody's. */
  readonly storeFactorMax: number;
  readonly deployMsMax: number;
  readonly firstVisitMsMax: number;
  readonly residentBytesMax: number;
  readonly residentEndFactorMax: number;
  readonly drainMsMax: number;
}

const singleAttack: Bars = {
  p99FactorMax: 5,
  p99MsFloor: 50,
  storeFactorMax: 5,
  deployMsMax: 5_000,
  firstVisitMsMax: 3_000,
  residentBytesMax: 2 * 1024 ** 3,
  residentEndFactorMax: 1.2,
  // The drain limit, and what the process needs to end after it.
  drainMsMax: 10_000 + 2_000,
};

/** Several at once: four times as slow as with one; nothing else may be worse. */
const severalAttacks: Bars = {
  ...singleAttack,
  p99FactorMax: 4 * singleAttack.p99FactorMax,
  storeFactorMax: 4 * singleAttack.storeFactorMax,
  deployMsMax: 4 * singleAttack.deployMsMax,
  firstVisitMsMax: 4 * singleAttack.firstVisitMsMax,
};

export function barsFor(attacks: number): Bars {
  return attacks === 1 ? singleAttack : severalAttacks;
}

/** The value that `share` of the values do not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** What was worse than the bars allow, a sentence each; empty: the attack failed. */
export function judge(measured: Measured, bars: Bars): readonly string[] {
  const { without, during } = measured;
  const p99Ms = quantile(during.latenciesMs, 0.99);
  const p99MsMax = Math.max(
    bars.p99MsFloor,
    bars.p99FactorMax * quantile(without.latenciesMs, 0.99),
  );
  const storeMs = quantile(during.storesMs, 0.5);
  const storeMsMax = Math.max(
    bars.p99MsFloor,
    bars.storeFactorMax * quantile(without.storesMs, 0.5),
  );
  const deployMs = Math.max(0, ...during.deploysMs);
  const firstVisitMs = Math.max(0, ...during.firstVisitsMs);
  const residentEndMax = bars.residentEndFactorMax * measured.residentStartBytes;
  const rules: readonly (readonly [boolean, string])[] = [
    [!measured.hasDied, 'the process died'],
    [during.failures.length === 0, `${during.failures.length} failed, e.g. ${during.failures[0]}`],
    [during.latenciesMs.length > 0, 'nobody was answered'],
    [p99Ms <= p99MsMax, `p99 ${ms(p99Ms)}, at most ${ms(p99MsMax)}`],
    [storeMs <= storeMsMax, `storing took ${ms(storeMs)}, at most ${ms(storeMsMax)}`],
    [deployMs <= bars.deployMsMax, `a deploy took ${ms(deployMs)}`],
    [firstVisitMs <= bars.firstVisitMsMax, `a first visit took ${ms(firstVisitMs)}`],
    [
      measured.residentMaxBytes <= bars.residentBytesMax,
      `${mib(measured.residentMaxBytes)} resident, at most ${mib(bars.residentBytesMax)}`,
    ],
    [
      measured.residentEndBytes <= residentEndMax,
      `${mib(measured.residentEndBytes)} still resident, at most ${mib(residentEndMax)}`,
    ],
    [
      measured.drainMs !== undefined && measured.drainMs <= bars.drainMsMax,
      measured.drainMs === undefined ? 'did not end cleanly' : `ended in ${ms(measured.drainMs)}`,
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, sentence]) => sentence);
}

export function ms(value: number): string {
  return value >= 100 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}

export function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
