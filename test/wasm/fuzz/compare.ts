/** What must hold for every module, generated or mutated; an answer is the complaint. */
import { TerrafirmaError } from '../../../src/errors.ts';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { type MeteredModule, meterModule } from '../../../src/wasm/meter.ts';
import { describeOutcome } from '../../conformance/spec/values.ts';
import { exposePrivates } from '../support/expose.ts';
import { ReferenceHost } from '../support/reference-host.ts';
import { generateModule } from './generate.ts';
import { Random } from './random.ts';

const argumentList: readonly (readonly [number, bigint])[] = [
  [1, 2n],
  [-7, 1n << 40n],
  [30, -3n],
];

/** Results of several runs, and what memory holds afterwards. */
interface Trace {
  readonly outcomes: readonly string[];
  readonly memory: Uint8Array;
}

function traceRuns(run: (a: number, b: bigint) => unknown, memory: () => ArrayBuffer): Trace {
  const outcomes = argumentList.map(([a, b]) => describeOutcome(() => run(a, b)));
  return { outcomes, memory: new Uint8Array(memory().slice(0)) };
}

function traceOriginal(bytes: Uint8Array<ArrayBuffer>): Trace {
  const exposed = exposePrivates(bytes, inspectModule(bytes));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(exposed.bytes));
  const { run } = exports;
  const memory = exports[exposed.memoryExport ?? ''];
  if (typeof run !== 'function' || !(memory instanceof WebAssembly.Memory)) {
    throw new TypeError('generated modules have run and a memory');
  }
  return traceRuns(run as (a: number, b: bigint) => unknown, () => memory.buffer);
}

function differ(a: Trace, b: Trace): string | undefined {
  if (a.outcomes.join() !== b.outcomes.join()) {
    return `${a.outcomes.join('; ')} / ${b.outcomes.join('; ')}`;
  }
  // A restored memory may be physically larger: what lies beyond must be zero.
  const length = Math.min(a.memory.length, b.memory.length);
  const isSame = Buffer.from(a.memory.subarray(0, length)).equals(b.memory.subarray(0, length));
  if (!isSame) return 'memories differ';
  return b.memory.subarray(length).some((byte) => byte !== 0) ? 'memory beyond is used' : undefined;
}

function checkForm(original: Trace, metered: MeteredModule): string | undefined {
  const host = new ReferenceHost(metered, { quantum: 500, heapBytesMax: 2 ** 31 - 1 });
  const memory = (): ArrayBuffer => {
    const { buffer } = host.memories[0] ?? {};
    if (!(buffer instanceof ArrayBuffer)) throw new TypeError('generated modules have a memory');
    return buffer;
  };
  host.capture();
  for (const round of ['first run', 'restored', 'restored again']) {
    host.begin();
    const trace = traceRuns((a, b) => host.call('run', a, b), memory);
    const difference = differ(original, trace);
    if (difference !== undefined) return `${round}: ${difference}`;
    if (metered.restorable !== true) return undefined;
    host.restore();
    // A run alone does not tell: it writes the same again to where it was not put back.
    if (!host.isAsCaptured) return `${round}: not put back`;
  }
  return undefined;
}

/** Original against metered, both forms, run, restored and run again. */
export function checkGenerated(seed: number): string | undefined {
  const bytes = generateModule(seed);
  if (!WebAssembly.validate(bytes)) return 'the generator made an invalid module';
  const original = traceOriginal(bytes);
  for (const cards of [false, true]) {
    const metered = meterModule(bytes, inspectModule(bytes), { cards });
    if (!WebAssembly.validate(metered.bytes)) return 'the metered module is invalid';
    const complaint = checkForm(original, metered);
    if (complaint !== undefined) return `${cards ? 'cards' : 'plain'}: ${complaint}`;
  }
  return undefined;
}

function mutate(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const mutated = bytes.slice();
  const count = 1 + random.below(3);
  for (let i = 0; i < count; i++) mutated[8 + random.below(mutated.length - 8)] = random.below(256);
  return random.chance(5) ? mutated.slice(0, random.below(mutated.length)) : mutated;
}

/**
 * A damaged module is refused with our error, or metered; and metering never makes a valid module
 * of an invalid one, also when it is told not to validate.
 */
export function checkMutated(seed: number): string | undefined {
  const random = new Random(seed);
  const bytes = mutate(generateModule(random.below(1000)), random);
  const isValid = WebAssembly.validate(bytes);
  try {
    const metered = meterModule(bytes, inspectModule(bytes), { cards: true, isValidated: true });
    const isMeteredValid = WebAssembly.validate(metered.bytes);
    if (isMeteredValid !== isValid) return `validity ${isValid} became ${isMeteredValid}`;
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
  }
  return undefined;
}
