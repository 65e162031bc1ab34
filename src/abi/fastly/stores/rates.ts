/** Counters of what comes how often, and boxes for those who come too often. */
import type { RateTable } from '../../../capability/rates/contract.ts';
import { text, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Given, type Later, status } from '../status.ts';

const spec = '#rates';
/** Counters, boxes and entries, such as an address with a path. */
const nameBytesMax = 1_024;
/** Seconds that a rate may be taken over, and that may be counted. */
const windows = new Set([1, 10, 60]);
const durations = new Set([10, 20, 30, 40, 50, 60]);
/** The longest time in a box. */
const punishedSecondsMax = 3_600;

export const ratesHostcalls = [
  waiting({
    name: 'check_rate',
    params: [
      ...text('rc'),
      ...text('entry'),
      ['delta', 'number'],
      ['window', 'number'],
      ['limit', 'number'],
      ...text('pb'),
      ['ttl', 'number'],
      ['blocked', 'out_number'],
    ],
    spec,
    meaning: 'counts, and puts who comes more often than `limit` a second into the box',
    act: (
      guest,
      rcPtr,
      rcLen,
      entryPtr,
      entryLen,
      delta,
      window,
      limit,
      pbPtr,
      pbLen,
      ttl,
      ptr,
    ) => {
      const counter = readEntry(guest, rcPtr, rcLen);
      const entry = readEntry(guest, entryPtr, entryLen);
      const box = readEntry(guest, pbPtr, pbLen);
      guest.requireRange(ptr, 4);
      if (!windows.has(window)) return status.inval;
      return withTable(guest, (table) => {
        const isBlocked =
          table.isPunished(box, entry) ||
          isTooOften(table, { counter, entry, delta, window, limit, box, ttl });
        guest.writeU32(ptr, isBlocked ? 1 : 0);
      });
    },
  }),

  waiting({
    name: 'ratecounter_increment',
    params: [...text('rc'), ...text('entry'), ['delta', 'number']],
    spec,
    act: (guest, rcPtr, rcLen, entryPtr, entryLen, delta) => {
      const counter = readEntry(guest, rcPtr, rcLen);
      const entry = readEntry(guest, entryPtr, entryLen);
      return withTable(guest, (table) => table.add(counter, entry, delta >>> 0));
    },
  }),

  waiting({
    name: 'ratecounter_lookup_rate',
    params: [...text('rc'), ...text('entry'), ['window', 'number'], ['rate', 'out_number']],
    spec,
    meaning: 'how many a second, over the last 1, 10 or 60 seconds',
    act: (guest, rcPtr, rcLen, entryPtr, entryLen, window, ptr) => {
      const counter = readEntry(guest, rcPtr, rcLen);
      const entry = readEntry(guest, entryPtr, entryLen);
      guest.requireRange(ptr, 4);
      if (!windows.has(window)) return status.inval;
      return withTable(guest, (table) =>
        guest.writeU32(ptr, Math.floor(table.recent(counter, entry, window) / window)),
      );
    },
  }),

  waiting({
    name: 'ratecounter_lookup_count',
    params: [...text('rc'), ...text('entry'), ['duration', 'number'], ['count', 'out_number']],
    spec,
    meaning: 'how many in the last 10, 20, 30, 40, 50 or 60 seconds',
    act: (guest, rcPtr, rcLen, entryPtr, entryLen, duration, ptr) => {
      const counter = readEntry(guest, rcPtr, rcLen);
      const entry = readEntry(guest, entryPtr, entryLen);
      guest.requireRange(ptr, 4);
      if (!durations.has(duration)) return status.inval;
      return withTable(guest, (table) =>
        guest.writeU32(ptr, Math.floor(table.recent(counter, entry, duration))),
      );
    },
  }),

  waiting({
    name: 'penaltybox_add',
    params: [...text('pb'), ...text('entry'), ['ttl', 'number']],
    spec,
    meaning: 'for `ttl` seconds, at most an hour',
    act: (guest, pbPtr, pbLen, entryPtr, entryLen, ttl) => {
      const box = readEntry(guest, pbPtr, pbLen);
      const entry = readEntry(guest, entryPtr, entryLen);
      return withTable(guest, (table) => table.punish(box, entry, secondsOf(ttl)));
    },
  }),

  waiting({
    name: 'penaltybox_has',
    params: [...text('pb'), ...text('entry'), ['has', 'out_number']],
    spec,
    act: (guest, pbPtr, pbLen, entryPtr, entryLen, ptr) => {
      const box = readEntry(guest, pbPtr, pbLen);
      const entry = readEntry(guest, entryPtr, entryLen);
      guest.requireRange(ptr, 4);
      return withTable(guest, (table) => guest.writeU32(ptr, table.isPunished(box, entry) ? 1 : 0));
    },
  }),
];

/** Counts; who comes too often is punished from now on. */
function isTooOften(
  table: RateTable,
  asked: {
    readonly counter: string;
    readonly entry: string;
    readonly delta: number;
    readonly window: number;
    readonly limit: number;
    readonly box: string;
    readonly ttl: number;
  },
): boolean {
  const { counter, entry, delta, window, limit, box, ttl } = asked;
  table.add(counter, entry, delta >>> 0);
  if (table.recent(counter, entry, window) / window <= limit >>> 0) return false;
  table.punish(box, entry, secondsOf(ttl));
  return true;
}

function secondsOf(ttl: number): number {
  return Math.min(punishedSecondsMax, ttl >>> 0);
}

function readEntry(guest: FastlyGuest, ptr: number, len: number): string {
  return guest.readText(ptr, len, nameBytesMax);
}

/** At once, but for the first time that the thread needs the site's table. */
function withTable(guest: FastlyGuest, act: (table: RateTable) => Given): Later {
  const table = guest.run.capabilities.rates.table();
  return table instanceof Promise ? whenThere(guest, table, act) : act(table);
}

async function whenThere(
  guest: FastlyGuest,
  table: Promise<RateTable>,
  act: (table: RateTable) => Given,
): Promise<Given> {
  return act(await guest.waitFor(table));
}
