/** What a module takes of V8's heap is charged, and never for less than it is. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { emitModule } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const count = 10_000;
const countBytes = [0x90, 0xce, 0];
const v128 = [0xfd, 12, ...Array<number>(16).fill(0)];

/** A thing that is made over and over: its type, and the code that leaves one on the stack. */
interface Thing {
  readonly type: readonly number[];
  /** Parameters of tag 0. */
  readonly payload?: readonly number[];
  readonly make: readonly number[];
  readonly isException?: boolean;
}

/** Throws tag 0 and catches it by reference. */
function thrown(values: readonly number[]): number[] {
  return [0x02, 0x69, 0x1f, 0x40, 1, 3, 0, ...values, 0x08, 0, 0x0b, 0x00, 0x0b];
}

const fields = (...types: number[]): number[] => [
  0x5f,
  types.length,
  ...types.flatMap((type) => [type, 1]),
];
const exception = { type: fields(), isException: true };

const things: Readonly<Record<string, Thing>> = {
  'an empty struct': { type: fields(), make: [0xfb, 1, 0] },
  'a struct of an i8': { type: fields(0x78), make: [0xfb, 1, 0] },
  'a struct with gaps': { type: fields(0x78, 0x7e, 0x78, 0x7e), make: [0xfb, 1, 0] },
  'a struct of a v128': { type: fields(0x78, 0x7b), make: [0xfb, 1, 0] },
  'a struct of ten references': {
    type: fields(...Array<number>(10).fill(0x6e)),
    make: [0xfb, 1, 0],
  },
  'an empty array': { type: [0x5e, 0x78, 1], make: [0x41, 0, 0xfb, 7, 0] },
  'an array of nine bytes': { type: [0x5e, 0x78, 1], make: [0x41, 9, 0xfb, 7, 0] },
  'a fixed array of references': {
    type: [0x5e, 0x6e, 1],
    make: [0xd0, 0x71, 0xd0, 0x71, 0xfb, 8, 0, 2],
  },
  'an array of ten references': { type: [0x5e, 0x6e, 1], make: [0x41, 10, 0xfb, 7, 0] },
  'an exception': { ...exception, make: thrown([]) },
  'an exception with numbers': {
    ...exception,
    payload: [0x7f, 0x7e, 0x7c],
    make: thrown([0x41, 0, 0x42, 0, 0x44, 0, 0, 0, 0, 0, 0, 0, 0]),
  },
  'an exception with vectors': {
    ...exception,
    payload: [0x7b, 0x7b, 0x7b],
    make: thrown([...v128, ...v128, ...v128]),
  },
  'an exception with references': {
    ...exception,
    payload: [0x6e, 0x6e],
    make: thrown([0xd0, 0x71, 0xd0, 0x71]),
  },
};

/** hold(): an array of `count` such things, as a reference. */
function holderOf({
  type,
  payload = [],
  make,
  isException = false,
}: Thing): Uint8Array<ArrayBuffer> {
  const element = isException ? [0x69] : [0x63, 0];
  const round = [0x20, 1, 0x20, 0, ...make, 0xfb, 14, 1];
  const next = [0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, ...countBytes, 0x48, 0x0d, 0];
  const code = [0x41, ...countBytes, 0xfb, 7, 1, 0x21, 1, 0x03, 0x40, ...round, ...next, 0x0b];
  return emitModule({
    types: [type, [0x5e, ...element, 1], [0x60, payload.length, ...payload, 0], [0x60, 0, 1, 0x6e]],
    functions: [3],
    tags: [[0, 2]],
    exports: { hold: 0 },
    bodies: [[2, 1, 0x7f, 1, 0x63, 1, ...code, 0x20, 1, 0x0b]],
  });
}

/** The value of a global that the host may set and read. */
function heapOf(host: ReferenceHost): WebAssembly.Global<number> {
  const heap = host.instance.exports[host.metered.names.heap ?? ''];
  if (!(heap instanceof WebAssembly.Global)) throw new TypeError('the module takes no heap');
  return heap;
}

function holdOnce(host: ReferenceHost): unknown {
  host.begin();
  return host.call('hold');
}

/** By how much V8's heap is larger while what `make` answers is held. */
function bytesHeld(make: () => unknown): number {
  collectGarbage();
  const before = getHeapStatistics().used_heap_size;
  const held = make();
  collectGarbage();
  const bytes = getHeapStatistics().used_heap_size - before;
  expect(held).not.toBeNull();
  return bytes;
}

describe.each(Object.entries(things))('%s', (_, thing) => {
  test('is charged for what it takes, and not for much more', () => {
    const bytes = holderOf(thing);
    const host = new ReferenceHost(meterModule(bytes, inspectModule(bytes), { cards: false }), {
      heapBytesMax: 2 ** 30,
    });
    // Once for what is made only once; then the median, because others use this heap, too.
    host.begin();
    host.call('hold');
    const samples = Array.from({ length: 5 }, () => bytesHeld(() => holdOnce(host)));
    const tookBytes = samples.toSorted((one, other) => one - other)[2] ?? 0;
    const chargedBytes = 2 ** 30 - heapOf(host).value;
    expect(tookBytes).toBeGreaterThan(count * 16);
    expect(tookBytes).toBeLessThanOrEqual(chargedBytes + 64 * 1024);
    expect(chargedBytes).toBeLessThanOrEqual(1.75 * tookBytes);
  });
});

describe('small exceptions of handlers alone', () => {
  test('are thrown without end, as far as the heap goes', () => {
    const body = [0x03, 0x40, 0x06, 0x40, 0x41, 7, 0x08, 0, 0x07, 0, 0x1a, 0x0b];
    const next = [0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
    const bytes = emitModule({
      types: [
        [0x60, 1, 0x7f, 0],
        [0x60, 1, 0x7f, 0],
      ],
      functions: [0],
      tags: [[0, 1]],
      exports: { run: 0 },
      bodies: [[0, ...body, ...next, 0x0b]],
    });
    const host = new ReferenceHost(meterModule(bytes, inspectModule(bytes), { cards: false }), {
      heapBytesMax: 1_000,
    });
    host.begin();
    host.call('run', 100_000);
    expect(host.consumed).toBeGreaterThanOrEqual(100_000 * 250);
  });
});

describe('the allocation budget', () => {
  const thing = things['a struct of an i8'];
  const bytes = thing === undefined ? new Uint8Array() : holderOf(thing);
  const metered = meterModule(bytes, inspectModule(bytes), { cards: false });

  test('is asked for more, and ends the run where there is none', () => {
    const host = new ReferenceHost(metered, { heapBytesMax: 1_000 });
    host.begin();
    expect(() => host.call('hold')).toThrow(WebAssembly.RuntimeError);
  });

  test('is refused to arrays that are too large to count', () => {
    const huge = emitModule({
      types: [
        [0x5e, 0x7b, 1],
        [0x60, 1, 0x7f, 0],
      ],
      functions: [1],
      exports: { make: 0 },
      bodies: [[0, 0x20, 0, 0xfb, 7, 0, 0x1a, 0x0b]],
    });
    const host = new ReferenceHost(meterModule(huge, inspectModule(huge), { cards: false }));
    for (const elements of [-1, 2 ** 31 - 1, 2 ** 28, 2 ** 24]) {
      host.begin();
      expect(() => host.call('make', elements)).toThrow(/unreachable/);
    }
    host.begin();
    host.call('make', 1_000);
  });

  test.each([
    ['by reference', thrown(Array.from({ length: 50 }, () => v128).flat())],
    ['in handlers', [0x06, 0x40, ...Array.from({ length: 50 }, () => v128).flat(), 0x08, 0, 0x19]],
  ])('covers exceptions with large payloads, held %s', (how, make) => {
    const isLegacy = how === 'in handlers';
    // Calls itself while it holds the exception.
    const body = [0, ...make, ...(isLegacy ? [] : [0x1a]), 0x10, 0, ...(isLegacy ? [0x0b] : [])];
    const recursing = emitModule({
      types: [
        [0x60, 0, 0],
        [0x60, 50, ...Array<number>(50).fill(0x7b), 0],
      ],
      functions: [0],
      tags: [[0, 1]],
      exports: { run: 0 },
      bodies: [[...body, 0x0b]],
    });
    const host = new ReferenceHost(
      meterModule(recursing, inspectModule(recursing), { cards: false }),
      { heapBytesMax: 1024 * 1024 },
    );
    host.begin();
    expect(() => host.call('run')).toThrow(/unreachable/);
  });
});
