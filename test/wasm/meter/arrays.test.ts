import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { describeOutcome } from '../../conformance/spec/values.ts';
import { emitModule } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

const length = 50_000;
const segmentBytes = 700_000;
/** What the source splits at; cases lie around it. */
const chunk = 16_384;

/** Elements of one type: how one is made of the i32 on the stack, and read back as an i32. */
interface Elements {
  readonly storage: readonly number[];
  readonly make: readonly number[];
  readonly read: readonly number[];
  /** Elements can be read from a data segment. */
  readonly isNumber: boolean;
}

const elementsOf: Readonly<Record<string, Elements>> = {
  i8: { storage: [0x78], make: [], read: [0xfb, 13, 0], isNumber: true },
  i16: { storage: [0x77], make: [], read: [0xfb, 13, 0], isNumber: true },
  i32: { storage: [0x7f], make: [], read: [0xfb, 11, 0], isNumber: true },
  i64: { storage: [0x7e], make: [0xad], read: [0xfb, 11, 0, 0xa7], isNumber: true },
  f32: { storage: [0x7d], make: [0xbe], read: [0xfb, 11, 0, 0xbc], isNumber: true },
  f64: { storage: [0x7c], make: [0xb7], read: [0xfb, 11, 0, 0xb6, 0xbc], isNumber: true },
  v128: {
    storage: [0x7b],
    make: [0xfd, 17],
    read: [0xfb, 11, 0, 0xfd, 27, 0],
    isNumber: true,
  },
  anyref: {
    storage: [0x6e],
    make: [0xfb, 28],
    read: [0xfb, 11, 0, 0xfb, 22, 0x6c, 0xfb, 30],
    isNumber: false,
  },
};

const array = [0x23, 0];
const threeParams = [0x20, 0, 0x20, 1, 0x20, 2];

function leb(value: number): number[] {
  return [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14];
}

/** Runs `body` for local `i` from 0 to the length. */
function forEach(i: number, body: readonly number[]): number[] {
  const next = [0x20, i, 0x41, 1, 0x6a, 0x22, i, 0x41, ...leb(length), 0x48, 0x0d, 0];
  return [0x41, 0, 0x21, i, 0x03, 0x40, ...body, ...next, 0x0b];
}

/**
 * prepare(): a new array of 0, 1, 2 …; hash(): of all its elements; copy, fill, init: the
 * instruction with three numbers, on that array.
 */
function arrayModule({ storage, make, read, isNumber }: Elements): Uint8Array<ArrayBuffer> {
  const sum = [0x20, 1, 0x41, 31, 0x6c, ...array, 0x20, 0, ...read, 0x6a, 0x21, 1];
  const prepare = [
    ...[0x41, ...leb(length), 0xfb, 7, 0, 0x24, 0],
    ...forEach(0, [...array, 0x20, 0, 0x20, 0, ...make, 0xfb, 14, 0]),
  ];
  const init = isNumber ? [...array, ...threeParams, 0xfb, 18, 0, 0] : [];
  return emitModule({
    types: [
      [0x5e, ...storage, 1],
      [0x60, 0, 0],
      [0x60, 0, 1, 0x7f],
      [0x60, 3, 0x7f, 0x7f, 0x7f, 0],
    ],
    functions: [1, 2, 3, 3, 3],
    globals: [[0x63, 0, 1, 0xd0, 0, 0x0b]],
    exports: { prepare: 0, hash: 1, copy: 2, fill: 3, init: 4 },
    dataCount: 1,
    bodies: [
      [1, 1, 0x7f, ...prepare, 0x0b],
      [1, 2, 0x7f, ...forEach(0, sum), 0x20, 1, 0x0b],
      [0, ...array, 0x20, 0, ...array, 0x20, 1, 0x20, 2, 0xfb, 17, 0, 0, 0x0b],
      [0, ...array, 0x20, 0, 0x20, 1, ...make, 0x20, 2, 0xfb, 16, 0, 0x0b],
      [0, ...init, 0x0b],
    ],
    data: [[1, ...leb(segmentBytes), ...Array.from({ length: segmentBytes }, (_, i) => i & 0x7f)]],
  });
}

/** Target, source or value, count. */
const places: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [3, 100, 7],
  [0, 1, chunk],
  [0, 1, chunk + 1],
  [0, 100, 40_000],
  [100, 0, 40_000],
  [1, 0, 2 * chunk],
  [0, 0, length],
  [1, 0, length],
  [0, 1, length],
  [length, 0, 0],
  [length + 1, 0, 0],
  [-1, 0, 30_000],
  [0, -1, 30_000],
  [0, 0, -1],
  [5, 5, 2 ** 31],
];

type Call = (name: string, ...args: number[]) => unknown;

function trace(call: Call, operation: string): string[] {
  const outcomes = [describeOutcome(() => call(operation, 0, 0, 40_000))];
  for (const place of places) {
    call('prepare');
    outcomes.push(
      describeOutcome(() => call(operation, ...place)),
      String(call('hash')),
    );
  }
  return outcomes;
}

describe.each(Object.entries(elementsOf))('array operations on %s', (_, elements) => {
  const bytes = arrayModule(elements);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const original: Call = (name, ...args) =>
    (exports[name] as (...args: number[]) => unknown)(...args);
  const host = new ReferenceHost(meterModule(bytes, inspectModule(bytes), { cards: false }), {
    quantum: 10_000,
    heapBytesMax: 2 ** 30,
  });

  const operations = elements.isNumber ? ['copy', 'fill', 'init'] : ['copy', 'fill'];
  test.each(operations)('%s does what it did, whole or in pieces', (operation) => {
    host.begin();
    host.capture();
    const wanted = trace(original, operation);
    expect(trace((name, ...args) => host.call(name, ...args), operation)).toEqual(wanted);
    host.restore();
    expect(new Set(wanted).size).toBeGreaterThan(5);
  });

  test.each(operations)('%s asks between the pieces', (operation) => {
    host.begin();
    host.call('prepare');
    host.begin();
    host.call(operation, 0, 0, 40_000);
    expect(host.checkCount).toBeGreaterThanOrEqual(2);
    const weight = elements.isNumber ? 1 : 4;
    expect(host.consumed).toBeGreaterThanOrEqual(40_000 * weight);
    expect(host.overdrawnMax).toBeLessThanOrEqual(chunk * weight + 100);
  });
});
