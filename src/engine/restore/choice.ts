/**
 * Which way of restoring is the cheapest for an artifact, by what was measured while it served.
 * Marking cards costs the guest time in proportion to its own; the other ways cost time in
 * proportion to its memory, or to the pages it touches.
 */
import type { RestoreMode } from './snapshot.ts';

export interface Measured {
  /** CPU time of the guest's own code in a run, in the form without cards, in microseconds. */
  readonly cpuUs: number;
  /** Pages of 4 KiB in which the cards lie that a run writes to. */
  readonly pages: number;
  readonly memoryBytes: number;
}

export interface Possible {
  readonly cards: boolean;
  readonly copyOnWrite: boolean;
}

/** What marking adds to the time of the guest's own code (docs/rationale.md). */
export const markingShare = 0.1;
/**
 * The longest that code takes for a unit of fuel, an instruction or so. What a run takes beyond
 * that are the host's calls, the machine or the wait for others, none of which marks anything.
 */
export const slowFuelUs = 0.001;

/** Measured on one core; only their ratios matter here. */
const pageUs = 0.1;
const scannedBytesPerUs = 8_000_000;
const cachedBytesPerUs = 60_000;
const copiedBytesPerUs = 9_000;
/** Above this a copy no longer stays in the core's cache, and evicts what was there. */
const cachedBytesMax = 512 * 1024;
const callUs = 8;
/** The first write to a page of the image: a fault, and a copy of the page. */
export const pageFaultUs = 3;
/** The present way is left only for one that is clearly cheaper: changing costs new instances. */
const clearlyCheaper = 0.8;

/** A copy of this takes as long as some tens of page faults. */
const mappedBytesMin = 1024 * 1024;

/** Before anything is measured. A large program may run before its form that marks is there. */
export function firstRestoreMode(known: {
  readonly cards: boolean;
  readonly memoryBytes: number;
}): RestoreMode {
  if (known.cards) return 'cards';
  return known.memoryBytes >= mappedBytesMin ? 'copy-on-write' : 'copy';
}

function costUs(mode: RestoreMode, measured: Measured): number {
  const { cpuUs, pages, memoryBytes } = measured;
  switch (mode) {
    case 'cards':
      return cpuUs * markingShare + pages * pageUs + memoryBytes / scannedBytesPerUs;
    case 'copy':
      return memoryBytes / (memoryBytes <= cachedBytesMax ? cachedBytesPerUs : copiedBytesPerUs);
    case 'copy-on-write':
      return callUs + pages * pageFaultUs;
  }
}

/** The way to go on with, `present` unless another is clearly cheaper. */
export function chooseRestoreMode(
  present: RestoreMode,
  measured: Measured,
  possible: Possible,
): RestoreMode {
  let best: RestoreMode = present;
  let bestUs = costUs(present, measured) * clearlyCheaper;
  const others: readonly RestoreMode[] = ['cards', 'copy', 'copy-on-write'];
  for (const mode of others) {
    if (mode === present) continue;
    if (mode === 'cards' && !possible.cards) continue;
    if (mode === 'copy-on-write' && !possible.copyOnWrite) continue;
    const us = costUs(mode, measured);
    if (us >= bestUs) continue;
    best = mode;
    bestUs = us;
  }
  return best;
}
