/** `wasi:clocks` and `wasi:random` 0.3. */
import { insecureSeedOf, monotonicNs, randomU64 } from './clocks.ts';
import { type HostInterface, prompt, waiting } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostWork } from './host-work.ts';
import {
  clockTypes03,
  insecure03,
  insecureSeed03,
  monotonicClock03,
  random03,
  systemClock03,
} from './wit/clocks03.ts';

const nsPerSecond = 1_000_000_000n;

/** Undefined where nothing is to be waited for. */
function sleep(guest: ComponentGuest, delayNs: bigint): HostWork<void> | undefined {
  if (delayNs <= 0n) return undefined;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = guest.run.capabilities.timer.start(delayNs, resolve);
  return new HostWork(promise, cancel);
}

/** Seconds and nanoseconds; floored, so that the second part is never negative. */
function instant(ns: bigint): readonly [bigint, number] {
  const rest = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond;
  return [(ns - rest) / nsPerSecond, Number(rest)];
}

/** Fewer than asked for, where that are too many. */
function randomBytes(guest: ComponentGuest, length: bigint): Uint8Array {
  const { componentRandomBytesMax: most } = guest.run.limits;
  const bytes = new Uint8Array(length > most ? most : Number(length));
  guest.run.capabilities.fillRandom(bytes);
  return bytes;
}

const resolution = prompt((guest) => () => guest.run.capabilities.timer.resolutionNs);

export const clock03Interfaces: readonly HostInterface[] = [
  { name: 'wasi:clocks/types@0.3.0', text: clockTypes03, functions: {} },
  {
    name: 'wasi:clocks/monotonic-clock@0.3.0',
    text: monotonicClock03,
    functions: {
      now: prompt((guest) => () => monotonicNs(guest)),
      'get-resolution': resolution,
      'wait-until': waiting((guest) => (when: bigint) => sleep(guest, when - monotonicNs(guest))),
      'wait-for': waiting((guest) => (delayNs: bigint) => sleep(guest, delayNs)),
    },
  },
  {
    name: 'wasi:clocks/system-clock@0.3.0',
    text: systemClock03,
    functions: {
      now: prompt((guest) => () => instant(guest.run.capabilities.clock.nowNs())),
      'get-resolution': resolution,
    },
  },
];

/** All of them are good random numbers, as in 0.2. */
export const random03Interfaces: readonly HostInterface[] = [
  {
    name: 'wasi:random/random@0.3.0',
    text: random03,
    functions: {
      'get-random-bytes': prompt((guest) => (length: bigint) => randomBytes(guest, length)),
      'get-random-u64': prompt((guest) => () => randomU64(guest)),
    },
  },
  {
    name: 'wasi:random/insecure@0.3.0',
    text: insecure03,
    functions: {
      'get-insecure-random-bytes': prompt(
        (guest) => (length: bigint) => randomBytes(guest, length),
      ),
      'get-insecure-random-u64': prompt((guest) => () => randomU64(guest)),
    },
  },
  {
    name: 'wasi:random/insecure-seed@0.3.0',
    text: insecureSeed03,
    functions: {
      'get-insecure-seed': insecureSeedOf,
    },
  },
];
