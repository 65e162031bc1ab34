/**
 * Modules that are dear to compile, drawn by seed: a few pieces of code that are small to write
 * down and known or suspected to grow faster than their length in a compiler, repeated and mixed.
 */
import { bytesOf, header, leb, section } from '../../test/deploy/wasm-bytes.ts';

export interface CostlyModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly what: string;
}

type Random = (below: number) => number;

/** A piece leaves the operand stack as it was. It has locals 0 to 7, all i32, and label 0. */
const pieces: Readonly<Record<string, (random: Random) => readonly number[]>> = {
  branch: (random) => [0x20, random(8), 0x0d, 0],
  branchTable: (random) => {
    const count = 1 + random(200);
    const labels = Array.from({ length: count + 1 }, () => 0);
    return [0x02, 0x40, 0x20, random(8), 0x0e, ...leb(count), ...labels, 0x0b];
  },
  condition: (random) => [0x20, random(8), 0x04, 0x40, 0x41, random(64), 0x21, random(8), 0x0b],
  either: (random) => {
    const [left, right] = [random(8), random(8)];
    return [0x20, left, 0x04, 0x40, 0x41, 1, 0x21, left, 0x05, 0x41, 2, 0x21, right, 0x0b];
  },
  tableRead: (random) => [0x20, random(8), 0x25, 0, 0x1a],
  tableWrite: (random) => [0x20, random(8), 0xd0, 0x70, 0x26, 0],
  indirect: (random) => [0x20, random(8), 0x20, random(8), 0x11, 1, 0, 0x21, random(8)],
  call: (random) => [0x20, random(8), 0x10, 1, 0x21, random(8)],
  load: (random) => [0x20, random(8), 0x28, 2, ...leb(random(5_000)), 0x21, random(8)],
  store: (random) => [0x20, random(8), 0x20, random(8), 0x36, 2, ...leb(random(5_000))],
  divide: (random) => [0x20, random(8), 0x20, random(8), 0x6d, 0x21, random(8)],
  multiply: (random) => [0x20, random(8), 0x20, random(8), 0x6c, 0x21, random(8)],
  grow: (random) => [0x20, random(8), 0x40, 0, 0x21, random(8)],
  loop: (random) => [0x03, 0x40, 0x20, random(8), 0x0d, 0, 0x0b],
  attempt: (random) => {
    const calls = Array.from({ length: 1 + random(20) }, () => [0x20, 0, 0x10, 1, 0x1a]).flat();
    return [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, ...calls, 0x0b, 0x0b];
  },
};

/** What stands around all pieces: nothing, one catch of everything, many nested blocks or loops. */
const frames: readonly ((random: Random) => readonly [number[], number[]])[] = [
  () => [[0x02, 0x40], [0x0b]],
  () => [
    [0x02, 0x40, 0x1f, 0x40, 1, 2, 0],
    [0x0b, 0x0b],
  ],
  (random) => {
    const depth = 1 + random(400);
    return [
      Array.from({ length: depth }, () => [random(2) === 0 ? 0x02 : 0x03, 0x40]).flat(),
      Array.from({ length: depth }, () => 0x0b),
    ];
  },
  /** Values below all others on the operand stack, merged at every label. */
  (random) => {
    const depth = 1 + random(2_000);
    const below = Array.from({ length: depth }, () => [0x20, random(8)]).flat();
    return [
      [...below, 0x02, 0x40],
      [0x0b, ...Array.from({ length: depth }, () => 0x1a)],
    ];
  },
];

/** A number generator of one 32-bit state (mulberry32): equal seeds draw equal modules. */
function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** The module of a seed: valid, and accepted as a Terrarium guest if it is not too dear. */
export function drawCostly(seed: number): CostlyModule {
  const random = randomFrom(seed);
  const names = Object.keys(pieces);
  const chosen = Array.from({ length: 1 + random(3) }, () => names[random(names.length)] ?? 'call');
  // Most are of the size of real functions, some much larger.
  const count = 1 << (6 + random(11));
  const frame = frames[random(frames.length)] ?? frames[0];
  const [before, after] = frame?.(random) ?? [[], []];
  const body = [1, 7, 0x7f, ...before];
  for (let index = 0; index < count; index += 1) {
    const piece = pieces[chosen[index % chosen.length] ?? 'call'];
    for (const byte of piece?.(random) ?? []) body.push(byte);
  }
  for (const byte of after) body.push(byte);
  body.push(0x20, 0, 0x0b);
  return { bytes: assemble(body), what: `${count} times ${chosen.join(', ')}` };
}

function assemble(body: readonly number[]): Uint8Array<ArrayBuffer> {
  const name = (text: string) => [...leb(text.length), ...new TextEncoder().encode(text)];
  const run = [0, 0x41, 0, 0x10, 1, 0x1a, 0x0b];
  const code = section(10, [2, ...leb(run.length), ...run, ...leb(body.length)].concat(body));
  return bytesOf(
    header,
    section(1, [2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f]),
    section(3, [2, 0, 1]),
    section(4, [1, 0x70, 0, 10]),
    section(5, [1, 0, 1]),
    section(7, [2, ...name('run'), 0, 0, ...name('memory'), 2, 0]),
    code,
  );
}
