/**
 * Components that were damaged, at random: each is refused with a reason, or links, is judged and
 * can be metered; never is there an error of ours, nor does it take long.
 */
import { createCatalogue } from '../../../src/abi/catalogue.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { buildArtifact, formsOf } from '../../../src/deploy/build/artifact.ts';
import { TerrafirmaError } from '../../../src/errors.ts';
import { Random } from './random.ts';

/** A first step of a damaged file that takes longer has found a hole, whatever the machine. */
const cpuMsMax = 5_000;
/** Lengths and indices that guests of all kinds get wrong. */
const numbers = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xff] as const;

const { judgeModule: judge, judgeComponent } = createCatalogue(defaultLimits);

export interface Damage {
  /** Whether it is still accepted. */
  readonly isAccepted: boolean;
  /** What is wrong; undefined: nothing. */
  readonly complaint: string | undefined;
}

/** One damaged copy of one of `samples`; the same for the same seed. */
export function damageComponent(samples: readonly Uint8Array[], seed: number): Damage {
  const random = new Random(seed);
  const bytes = damage(random.pick(samples), random);
  const start = process.threadCpuUsage();
  let isAccepted = false;
  try {
    const artifact = buildArtifact(bytes, { limits: defaultLimits, judge, judgeComponent });
    isAccepted = true;
    const invalid = formsOf(artifact.cores).findIndex((form) => !WebAssembly.validate(form));
    if (invalid !== -1) return { isAccepted, complaint: `form ${invalid} is not valid` };
  } catch (error) {
    const isRefused = error instanceof TerrafirmaError && error.code === 'module-refused';
    if (!isRefused) {
      return { isAccepted, complaint: error instanceof Error ? error.stack : String(error) };
    }
  }
  const { user, system } = process.threadCpuUsage(start);
  const cpuMs = (user + system) / 1_000;
  const complaint = cpuMs > cpuMsMax ? `it took ${Math.round(cpuMs)} ms` : undefined;
  return { isAccepted, complaint };
}

function damage(sample: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(sample);
  for (let edits = 1 + random.below(4); edits > 0; edits -= 1) {
    const at = random.below(Math.max(1, bytes.length));
    switch (random.below(6)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 2:
        bytes[at] = random.pick(numbers);
        break;
      case 3:
        bytes = splice(bytes, { at, remove: 1 + random.below(8), add: new Uint8Array(0) });
        break;
      case 4:
        bytes = splice(bytes, { at, remove: 0, add: bytes.subarray(at, at + random.below(64)) });
        break;
      default:
        bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
    }
  }
  return bytes;
}

function splice(
  bytes: Uint8Array,
  { at, remove, add }: { readonly at: number; readonly remove: number; readonly add: Uint8Array },
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...bytes.subarray(0, at), ...add, ...bytes.subarray(at + remove)]);
}
