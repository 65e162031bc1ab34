/**
 * `poll`: waits until one of the subscriptions is ready. The one way a program sleeps.
 *
 *   subscription, 48 bytes: u64 userdata, u8 tag @8; clock: u32 id @16, u64 timeout @24,
 *                           u64 precision @32, u16 flags @40; descriptor: u32 fd @16
 *                           (snapshot 0: 56 bytes, and the clock's record is at 24)
 *   event, 32 bytes:        u64 userdata, u16 errno @8, u8 type @10, u64 bytes @16, u16 flags @24
 */
import type { DeclaredHostcall } from '../hostcall.ts';
import type { InputStream } from '../objects/cgi/streams.ts';
import { errno, WasiError } from '../objects/files/errno.ts';
import { pieceItems, type Steps } from '../steps.ts';
import { readClock } from './clock.ts';
import { waiting } from './declare.ts';
import type { WasiGuest } from './guest.ts';
import {
  eventBytes,
  eventHangup,
  eventtype,
  type SnapshotLayout,
  subclockAbstime,
} from './layout.ts';
import type { Sleep, WasiProcess } from './process.ts';

const subscriptionsMax = 1_024;
/** An answer to "how much could be written": as much as leaves in one piece. */
const writableBytes = 16_384n;

interface Subscription {
  readonly userdata: bigint;
  readonly type: number;
  /** Ready, or failed, at once. */
  readonly event: Readiness | undefined;
  /** Of a clock that has not come yet. */
  readonly delayNs?: bigint;
  /** Of an input that has nothing yet. */
  readonly input?: InputStream;
}

interface Readiness {
  readonly errno: number;
  readonly bytes: bigint;
  readonly flags: number;
}

interface Buffers {
  readonly events: number;
  readonly countPtr: number;
}

interface Listed extends Pick<SnapshotLayout, 'subscription'> {
  readonly subscriptions: number;
  readonly length: number;
}

/** nevents ──► u32 events that were written, at least one */
export function pollOneoff({ subscription }: SnapshotLayout): DeclaredHostcall<WasiGuest> {
  return waiting({
    name: 'poll_oneoff',
    params: [
      ['in', 'address'],
      ['out', 'address'],
      ['nsubscriptions', 'number'],
      ['nevents', 'out_number'],
    ],
    meaning: 'waits for the first of clocks, input and output',
    act: (guest, subscriptions, events, count, countPtr) => {
      const length = count >>> 0;
      if (length === 0 || length > subscriptionsMax) throw new WasiError('inval');
      guest.requireRange(subscriptions, length * subscription.bytes);
      guest.requireRange(events, length * eventBytes);
      guest.requireRange(countPtr, 4);
      return poll(guest, { subscriptions, length, events, countPtr, subscription });
    },
  });
}

function* poll(guest: WasiGuest, wanted: Buffers & Listed): Steps<void> {
  let asked = yield* readSubscriptions(guest, wanted);
  // An input that became ready may have been emptied before it is the guest's turn.
  while (!(yield* giveEvents(guest, asked, wanted))) {
    const startNs = guest.process.monotonicNs();
    const dueNs = yield* waitForOne(guest, asked);
    const waitedNs = guest.process.monotonicNs() - startNs;
    asked = asked.map((subscription) => lookAgain(subscription, { dueNs, waitedNs }));
  }
}

/** The delay that has passed; undefined when it was an input that became ready. */
function* waitForOne(
  { process }: WasiGuest,
  asked: readonly Subscription[],
): Steps<bigint | undefined> {
  const waiting = new PollWait(process, shortestDelay(asked));
  try {
    yield waiting.untilOneOf(asked);
  } finally {
    waiting.end();
  }
  return waiting.passedNs;
}

function shortestDelay(asked: readonly Subscription[]): bigint | undefined {
  let shortestNs: bigint | undefined;
  for (const { delayNs } of asked) {
    if (delayNs === undefined) continue;
    if (shortestNs === undefined || delayNs < shortestNs) shortestNs = delayNs;
  }
  return shortestNs;
}

/** One wait. An object, and few functions and lists: ten thousand programs may wait. */
class PollWait {
  readonly #process: WasiProcess;
  readonly #delayNs: bigint | undefined;
  #sleep: Sleep | undefined;
  #endWait: (() => void) | undefined;
  #isDue = false;

  constructor(process: WasiProcess, delayNs: bigint | undefined) {
    this.#process = process;
    this.#delayNs = delayNs;
  }

  /** The delay, where that is what has ended the wait. */
  get passedNs(): bigint | undefined {
    return this.#isDue ? this.#delayNs : undefined;
  }

  /** Resolves when the delay has passed, or an input is ready. */
  untilOneOf(asked: readonly Subscription[]): Promise<void> {
    const due = this.#delayNs === undefined ? undefined : this.#startSleep(this.#delayNs);
    this.#endWait = this.#process.beginWait(this.#delayNs);
    const inputs = asked.filter(({ input }) => input !== undefined);
    if (due !== undefined && inputs.length === 0) return due;
    const waits = inputs.map(({ input }) => input?.whenReady());
    return Promise.race(due === undefined ? waits : [due, ...waits]);
  }

  end(): void {
    this.#endWait?.();
    this.#sleep?.cancel();
  }

  /** Fails at once where it may not wait, and not as a promise that nobody has yet. */
  #startSleep(delayNs: bigint): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sleep = this.#process.sleep(delayNs, () => {
      this.#isDue = true;
      this.#endWait?.();
      resolve();
    });
    return promise;
  }
}

function lookAgain(
  subscription: Subscription,
  { dueNs, waitedNs }: { readonly dueNs: bigint | undefined; readonly waitedNs: bigint },
): Subscription {
  const { delayNs, input } = subscription;
  if (input !== undefined) return { ...subscription, event: readinessOf(input) };
  if (delayNs === undefined) return subscription;
  const isDue = dueNs !== undefined && delayNs <= dueNs;
  if (isDue) return { ...subscription, event: ready };
  return { ...subscription, delayNs: delayNs > waitedNs ? delayNs - waitedNs : 0n };
}

const ready: Readiness = { errno: 0, bytes: 0n, flags: 0 };

function failed(name: 'badf' | 'inval'): Readiness {
  return { errno: errno[name], bytes: 0n, flags: 0 };
}

function readinessOf(input: InputStream): Readiness | undefined {
  const { readyBytes } = input;
  if (readyBytes === undefined) return undefined;
  return { errno: 0, bytes: BigInt(readyBytes), flags: readyBytes === 0 ? eventHangup : 0 };
}

function* readSubscriptions(
  guest: WasiGuest,
  { subscriptions, length, subscription }: Listed,
): Steps<readonly Subscription[]> {
  const asked: Subscription[] = [];
  for (let index = 0; index < length; index += 1) {
    if (index > 0 && index % pieceItems === 0) yield;
    const at = (subscriptions >>> 0) + index * subscription.bytes;
    const userdata = guest.readU64(at);
    const type = guest.readU8(at + 8);
    const wanted =
      type === eventtype.clock
        ? readClockWait(guest, at + subscription.clockAt)
        : readDescriptorWait(guest, at, type);
    asked.push({ userdata, type, ...wanted });
  }
  // Of exactly that length: a list that grows takes room for sixteen more.
  return asked.slice();
}

function readClockWait(guest: WasiGuest, at: number): Pick<Subscription, 'event' | 'delayNs'> {
  const id = guest.readU32(at);
  const timeoutNs = guest.readU64(at + 8);
  const isAbsolute = (guest.readU16(at + 24) & subclockAbstime) !== 0;
  try {
    const nowNs = readClock(guest, id);
    const delayNs = isAbsolute ? timeoutNs - nowNs : timeoutNs;
    return delayNs <= 0n ? { event: ready } : { event: undefined, delayNs };
  } catch (error) {
    if (error instanceof WasiError) return { event: failed('inval') };
    throw error;
  }
}

/** Files and outputs are always ready; an input when something has come, or nothing more will. */
function readDescriptorWait(
  guest: WasiGuest,
  at: number,
  type: number,
): Pick<Subscription, 'event' | 'input'> {
  if (type !== eventtype.fdRead && type !== eventtype.fdWrite) throw new WasiError('inval');
  const isReading = type === eventtype.fdRead;
  try {
    const descriptor = guest.process.descriptor(guest.readU32(at + 16));
    if (descriptor.kind === 'file') return { event: ready };
    if (descriptor.kind === 'output' && !isReading) {
      return { event: { errno: 0, bytes: writableBytes, flags: 0 } };
    }
    if (descriptor.kind !== 'input' || !isReading) return { event: failed('badf') };
    const event = readinessOf(descriptor.stream);
    return event === undefined ? { event, input: descriptor.stream } : { event };
  } catch (error) {
    if (error instanceof WasiError) return { event: failed('badf') };
    throw error;
  }
}

/** Whether any was ready. */
function* giveEvents(
  guest: WasiGuest,
  subscriptions: readonly Subscription[],
  { events, countPtr }: Buffers,
): Steps<boolean> {
  let count = 0;
  for (const { userdata, type, event } of subscriptions) {
    if (event === undefined) continue;
    if (count > 0 && count % pieceItems === 0) yield;
    const record = new DataView(new ArrayBuffer(eventBytes));
    record.setBigUint64(0, userdata, true);
    record.setUint16(8, event.errno, true);
    record.setUint8(10, type);
    record.setBigUint64(16, event.bytes, true);
    record.setUint16(24, event.flags, true);
    guest.writeBytes((events >>> 0) + count * eventBytes, new Uint8Array(record.buffer));
    count += 1;
  }
  if (count > 0) guest.writeU32(countPtr, count);
  return count > 0;
}
