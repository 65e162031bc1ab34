/** What a guest waits for, of whichever kind. */
import { setImmediate as reachMacrotask } from 'node:timers/promises';
import type { Timer } from '../../../capability/clock/contract.ts';
import { type ReadyItem, selectReady } from '../../objects/ready.ts';
import { type Steps, wait } from '../../steps.ts';
import { handles, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, type Given, type Later, status } from '../status.ts';

const nsPerMs = 1_000_000n;
/** The time was up first. */
const noIndex = 0xffff_ffff;

export const asyncIoHostcalls = [
  waiting({
    name: 'select',
    params: [...handles('hs'), ['timeout_ms', 'number'], ['ready_idx', 'out_number']],
    spec: '#waiting',
    meaning: 'waits for the first that is ready: its place in the list',
    act: (guest, list, count, timeoutMs, ptr) =>
      select(guest, { list, count, timeoutMs: timeoutMs >>> 0, ptr }),
  }),

  waiting({
    name: 'is_ready',
    params: [
      ['handle', 'handle'],
      ['is_done', 'out_number'],
    ],
    spec: '#waiting',
    act: (guest, handle, ptr) => isReady(guest, handle, ptr),
  }),
];

interface Selecting {
  readonly list: number;
  readonly count: number;
  readonly timeoutMs: number;
  readonly ptr: number;
}

/** With something ready the guest is not suspended: kits ask before each step of their loops. */
function select(guest: FastlyGuest, { list, count, timeoutMs, ptr }: Selecting): Later {
  guest.requireRange(ptr, 4);
  const chosen = guest.readHandles(list, count, guest.limits.fastlyHandlesPerRunMax);
  if (chosen.length === 0 && timeoutMs === 0) return status.inval;
  const items = chosen.map((handle) => findItem(guest, handle));
  const now = items.findIndex((item) => item.isReady);
  if (now !== -1) return guest.writeU32(ptr, now);
  return selectLater(guest, items, { timeoutMs, ptr });
}

function* selectLater(
  guest: FastlyGuest,
  items: readonly ReadyItem[],
  { timeoutMs, ptr }: Pick<Selecting, 'timeoutMs' | 'ptr'>,
): Steps<Given> {
  const { timer } = guest.run.capabilities;
  const selecting = timeoutMs === 0 ? selectReady(items) : selectFor(timeoutMs, items, timer);
  const ready = yield* wait(selecting);
  return guest.writeU32(ptr, ready ?? noIndex);
}

async function selectFor(
  timeoutMs: number,
  items: readonly ReadyItem[],
  timer: Timer,
): Promise<number | undefined> {
  const { promise: until, resolve } = Promise.withResolvers<void>();
  const stop = timer.start(BigInt(timeoutMs) * nsPerMs, resolve);
  try {
    return await selectReady(items, until);
  } finally {
    stop();
  }
}

function isReady(guest: FastlyGuest, handle: number, ptr: number): Later {
  guest.requireRange(ptr, 4);
  const item = findItem(guest, handle);
  if (item.isReady) return guest.writeU32(ptr, 1);
  // A body is not read before somebody wants to know.
  void item.whenReady();
  return lookAgain(guest, item, ptr);
}

/** A guest that asks in a loop must let the network in: promises alone never do. */
function* lookAgain(guest: FastlyGuest, item: ReadyItem, ptr: number): Steps<Given> {
  if (item.whenKnown !== undefined) yield* wait(item.whenKnown());
  yield* wait(reachMacrotask());
  return guest.writeU32(ptr, item.isReady ? 1 : 0);
}

/** @throws HandleError; FastlyFault `badf` for what nobody can wait for */
function findItem({ run }: FastlyGuest, handle: number): ReadyItem {
  const item = run.items.get(handle);
  if (!isReadyItem(item)) throw new FastlyFault('badf');
  return item;
}

function isReadyItem(item: object): item is ReadyItem {
  return 'isReady' in item && 'whenReady' in item;
}
