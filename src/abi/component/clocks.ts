/** `wasi:clocks` and `wasi:random` 0.2. */
import { Buffer } from 'node:buffer';
import { inBytes } from '../../amounts.ts';
import type { Capabilities } from '../../capability/capability.ts';
import type { ReadyItem } from '../objects/ready.ts';
import { type HostInterface, prompt } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { Pollable } from './io.ts';
import { insecure, insecureSeed, monotonicClock, random, wallClock } from './wit/clocks.ts';

const nsPerSecond = 1_000_000_000n;
/** Some kits take 0 for "no time yet". */
const monotonicStartNs = 1_000_000_000n;

/** Ready when so much time has passed. No functions but one: ten thousand guests may wait. */
class Delay implements ReadyItem {
  isReady = false;
  /** Ends the timer. */
  readonly cancel: () => void;
  /** Of the promise, where somebody waits. */
  #resolve: (() => void) | undefined;
  #due: Promise<void> | undefined;

  constructor({ timer }: Pick<Capabilities, 'timer'>, delayNs: bigint) {
    this.cancel = timer.start(delayNs, () => {
      this.isReady = true;
      this.#resolve?.();
    });
  }

  whenReady(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    this.#due ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#due;
  }
}

const passed: ReadyItem = { isReady: true, whenReady: () => Promise.resolve() };

function after(guest: ComponentGuest, delayNs: bigint): Pollable {
  if (delayNs <= 0n) return new Pollable(passed);
  const delay = new Delay(guest.run.capabilities, delayNs);
  return new Pollable(delay, delay.cancel);
}

export function monotonicNs(guest: ComponentGuest): bigint {
  return monotonicStartNs + guest.run.capabilities.timer.nowNs();
}

function datetime(ns: bigint): readonly [bigint, number] {
  return [ns / nsPerSecond, Number(ns % nsPerSecond)];
}

function randomBytes(guest: ComponentGuest, length: bigint): Uint8Array {
  const { componentRandomBytesMax } = guest.run.limits;
  if (length > componentRandomBytesMax) {
    const rule = `at most ${inBytes(componentRandomBytesMax)} in one call`;
    guest.trap(`Cannot give random bytes: ${rule}: received ${length}`);
  }
  const bytes = new Uint8Array(Number(length));
  guest.run.capabilities.fillRandom(bytes);
  return bytes;
}

export function randomU64(guest: ComponentGuest): bigint {
  const bytes = Buffer.allocUnsafe(8);
  guest.run.capabilities.fillRandom(bytes);
  return bytes.readBigUInt64LE();
}

export const clockInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:clocks/monotonic-clock@0.2.0',
    text: monotonicClock,
    functions: {
      now: prompt((guest) => () => monotonicNs(guest)),
      resolution: prompt((guest) => () => guest.run.capabilities.timer.resolutionNs),
      'subscribe-instant': prompt(
        (guest) => (instant: bigint) => after(guest, instant - monotonicNs(guest)),
      ),
      'subscribe-duration': prompt((guest) => (delayNs: bigint) => after(guest, delayNs)),
    },
  },
  {
    name: 'wasi:clocks/wall-clock@0.2.0',
    text: wallClock,
    functions: {
      now: prompt((guest) => () => datetime(guest.run.capabilities.clock.nowNs())),
      resolution: prompt((guest) => () => datetime(guest.run.capabilities.timer.resolutionNs)),
    },
  },
];

/** Of a run always the same. */
export const insecureSeedOf = prompt((guest) => () => {
  guest.insecureSeed ??= [randomU64(guest), randomU64(guest)];
  return guest.insecureSeed;
});

/** All of them are good random numbers: there is nothing to be gained by worse ones. */
export const randomInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:random/random@0.2.0',
    text: random,
    functions: {
      'get-random-bytes': prompt((guest) => (length: bigint) => randomBytes(guest, length)),
      'get-random-u64': prompt((guest) => () => randomU64(guest)),
    },
  },
  {
    name: 'wasi:random/insecure@0.2.0',
    text: insecure,
    functions: {
      'get-insecure-random-bytes': prompt(
        (guest) => (length: bigint) => randomBytes(guest, length),
      ),
      'get-insecure-random-u64': prompt((guest) => () => randomU64(guest)),
    },
  },
  {
    name: 'wasi:random/insecure-seed@0.2.0',
    text: insecureSeed,
    functions: {
      'insecure-seed': insecureSeedOf,
    },
  },
];
