/**
 * Our canonical ABI against the reference implementation: random values, lowered by both, and
 * random bytes, lifted by both. Edge: runs Python, which imports the reference's `definitions.py`
 * and writes what is right; see `vectors.py`.
 *
 * DIR is the folder `design/mvp/canonical-abi` of
 * https://github.com/WebAssembly/component-model.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { compareVector, type Vector } from '../../test/conformance/components/vector.ts';

const SCRIPT = path.join(import.meta.dirname, 'vectors.py');
/** Differences that are told one by one. */
const toldMax = 20;

export interface VectorsOptions {
  readonly python: string;
  readonly count: number;
  readonly seed: number;
}

/** Prints the report; answers the exit code. */
export async function checkVectors(
  directory: string,
  { python, count, seed }: VectorsOptions,
): Promise<number> {
  const args = [SCRIPT, directory, String(count), String(seed)];
  const reference = spawn(python, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(reference, 'spawn');
  const ended = once(reference, 'close');
  let compared = 0;
  let traps = 0;
  let differing = 0;
  for await (const line of createInterface({ input: reference.stdout })) {
    const vector = JSON.parse(line) as Vector;
    compared += 1;
    if ('trap' in vector.lifted) traps += 1;
    if ('trap' in vector.loaded) traps += 1;
    const differences = compareVector(vector);
    if (differences.length === 0) continue;
    differing += 1;
    if (differing <= toldMax) {
      for (const each of differences) process.stdout.write(`FAIL vector ${compared}: ${each}\n`);
    }
  }
  const [code] = await ended;
  process.stdout.write(
    `vectors: ${compared} compared (seed ${seed}), ${traps} of their liftings trap, ` +
      `${differing} differ\n`,
  );
  return code === 0 && compared === count && differing === 0 ? 0 : 1;
}
