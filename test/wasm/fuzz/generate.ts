/**
 * Valid modules at random, with everything the meter treats specially: loops and branches of all
 * kinds, calls, tail calls, exceptions, objects, casts, stores, growth, bulk operations, dropped
 * segments, changing tables.
 * They always end: every loop head and every function entry takes a tick from a global, and traps
 * when there are none left.
 */
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';
import { emitModule } from '../support/assemble.ts';
import { FunctionGenerator, type FunctionPlan, segmentBytes } from './function.ts';
import { f32, i32, i64, type Value, valueTypes } from './operations.ts';
import { Random } from './random.ts';
import type { Signature } from './scope.ts';
import { TypeIndices } from './types.ts';

export const ticksAtStart = 3000;

function generateSignatures(random: Random): Signature[] {
  const types = (count: number): Value[] =>
    Array.from({ length: random.below(count) }, () => random.pick(valueTypes));
  const others = Array.from({ length: 2 + random.below(4) }, () => {
    return { params: types(3), results: types(2) };
  });
  return [{ params: [i32, i64], results: [i32] }, ...others];
}

function generateBody(plan: Omit<FunctionPlan, 'locals'>, types: TypeIndices): number[] {
  const { random } = plan;
  const locals: Value[] = [
    i32,
    ...Array.from({ length: random.below(5) }, () => random.pick(valueTypes)),
  ];
  const generator = new FunctionGenerator({ ...plan, locals });
  generator.generate();
  const declared = [...locals.map((type) => [type]), ...types.locals()];
  return [declared.length, ...declared.flatMap((type) => [1, ...type]), ...generator.code.view()];
}

function constantGlobal(type: Value): number[] {
  if (type === i32) return [type, 1, 0x41, 5, 0x0b];
  if (type === i64) return [type, 1, 0x42, 6, 0x0b];
  // A NaN with a payload, which a restore must keep.
  if (type === f32) return [type, 1, 0x43, 1, 0, 0xa0, 0x7f, 0x0b];
  return [type, 1, 0x44, 1, 0, 0, 0, 0, 0, 0xf4, 0x7f, 0x0b];
}

/** The module of `seed`: `run(i32, i64) → i32` is its function 0. */
export function generateModule(seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  const signatures = generateSignatures(random);
  const bytes = Array.from({ length: segmentBytes }, () => random.below(256));
  const ticks = new ByteWriter();
  ticks.writeS64(ticksAtStart);
  const hasNewExceptions = random.chance(60);
  const types = new TypeIndices(signatures.length, hasNewExceptions);
  return emitModule({
    types: [
      ...signatures.map(({ params, results }) => {
        return [0x60, params.length, ...params, results.length, ...results];
      }),
      ...types.entries(),
    ],
    functions: signatures.map((_, i) => i),
    tables: [[0x70, 0, 10]],
    memories: [[1, 5, 9]],
    tags: [
      [0, types.empty],
      [0, types.payload],
    ],
    globals: [[i32, 1, 0x41, ...ticks.view(), 0x0b], ...valueTypes.map(constantGlobal)],
    exports: { run: 0 },
    elements: [
      [1, 0, 2, 0, 1],
      [0, 0x41, 0, 0x0b, signatures.length, ...signatures.keys()],
    ],
    dataCount: 2,
    bodies: signatures.map((_, index) =>
      generateBody({ random, signatures, index, hasNewExceptions }, types),
    ),
    data: [
      [1, segmentBytes, ...bytes],
      [0, 0x41, 16, 0x0b, segmentBytes, ...bytes],
    ],
  });
}
