/**
 * Calls without sense, a great many, of all functions of Fastly Compute: every answer is a status,
 * nothing traps or throws, and what the run makes the host hold stays within its limit and is given
 * back at its end.
 */
import type { HostMemory, WasmValue } from '../../src/abi/abi.ts';
import { statusNames } from '../../src/abi/fastly/status.ts';
import { fastlyModules } from '../../src/abi/fastly/table.ts';
import type { ValueType } from '../../src/abi/hostcall.ts';
import { World } from './abi-world.ts';
import {
  type Spread,
  STRANGE_ONE_IN,
  STRUCT_WORDS,
  STRUCTS,
  spreadsOf,
  strange,
  TEXT_STEP,
  TEXTS,
  texts,
  words,
} from './fastly-draws.ts';
import { createFastlyPuppet, type FastlyPuppet } from './fastly-puppet.ts';
import { FuzzFetch } from './fuzz-fetch.ts';

const HELD_BYTES_MAX = 262_144;
/** Calls of one run; the next one begins with the same instance. */
const CALLS_PER_RUN = 400;
/** A call that has no answer after so many turns waits for what will never come. */
const TURNS_MAX = 4;
/** Mulberry32: the same calls for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

class CountedMemory implements HostMemory {
  bytes = 0;

  tryHold(bytes: number): boolean {
    if (this.bytes + bytes > HELD_BYTES_MAX) return false;
    this.bytes += bytes;
    return true;
  }

  tryHoldObjects(bytes: number): boolean {
    return this.tryHold(bytes);
  }

  release(bytes: number): void {
    this.bytes -= bytes;
    if (this.bytes < 0) throw new Error('more was given back than was held');
  }
}

/** Timers are due at once. */
class HastyWorld extends World {
  override readonly timer = {
    resolutionNs: 1n,
    nowNs: () => 0n,
    start: (_delayNs: bigint, onDue: () => void) => {
      onDue();
      return () => undefined;
    },
  };
}

export interface FuzzResult {
  /** Undefined where there is nothing to complain about. */
  readonly complaint: string | undefined;
  readonly counts: ReadonlyMap<string, number>;
}

export async function fuzzFastly(seed: number, calls: number): Promise<FuzzResult> {
  const random = randomOf(seed);
  const memory = new CountedMemory();
  const puppet = await createFastlyPuppet({
    world: Object.assign(new HastyWorld(), { fetch: new FuzzFetch() }),
    body: 'the body of the visitor',
    hostMemory: memory,
    limits: { memoryBytesMax: HELD_BYTES_MAX, fastlyHandlesPerRunMax: 32 },
  });
  const functions = [...fastlyModules].flatMap(([module, names]) =>
    [...names.values()].map((facts) => ({ label: `${module}.${facts.name}`, facts })),
  );
  const counts = new Map<string, number>();
  for (let turn = 0; turn < calls; turn += 1) {
    if (turn % CALLS_PER_RUN === 0 && turn > 0) {
      puppet.end();
      if (memory.bytes !== 0) return { complaint: `${memory.bytes} bytes stay held`, counts };
      puppet.begin();
    }
    if (turn % 50 === 0) fill(puppet, random);
    const { label, facts } = functions[random(functions.length)] ?? { label: '', facts: undefined };
    if (facts === undefined) continue;
    const args = facts.params.map(([, type]) => argumentOf(type, random));
    const answer = await answerOf(puppet, label, args);
    if (!counted.has(answer)) {
      return { complaint: `${label}(${args.join(', ')}): ${answer}`, counts };
    }
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  puppet.end();
  return { complaint: undefined, counts };
}

const counted = new Set([...statusNames.values(), 'waits']);

async function answerOf(
  puppet: FastlyPuppet,
  label: string,
  args: readonly WasmValue[],
): Promise<string> {
  const called = puppet.call(label, ...args).then(
    (status) => statusNames.get(status) ?? `status ${status}`,
    (error: unknown) => String(error),
  );
  return Promise.race([called, someTurns()]);
}

async function someTurns(): Promise<string> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return 'waits';
}

function fill(puppet: FastlyPuppet, random: (below: number) => number): void {
  for (const [place, text] of texts.entries()) puppet.put(TEXTS + place * TEXT_STEP, text);
  for (let word = 0; word < STRUCT_WORDS; word += 1) {
    puppet.bytes.writeInt32LE(draw(words, random) | 0, STRUCTS + word * 4);
  }
}

function argumentOf(type: ValueType, random: (below: number) => number): WasmValue {
  if (type === 'number64') return BigInt(draw(spreadsOf(type), random));
  return draw(random(STRANGE_ONE_IN) === 0 ? strange : spreadsOf(type), random);
}

function draw(spreads: readonly Spread[], random: (below: number) => number): number {
  const { base, step, count } = spreads[random(spreads.length)] ?? { base: 0, step: 0, count: 1 };
  return base + step * random(count);
}
