/** Calls without sense, a great many: every answer is an errno, and the limits hold. */
import { expect, test } from 'vitest';
import type { WasmValue } from '../../../src/abi/abi.ts';
import { errno } from '../../../src/abi/objects/files/errno.ts';
import { World } from '../../support/abi-world.ts';
import { functionTypes } from '../../support/hostcall-faces.ts';
import { createPuppet, END, type Puppet } from './puppet.ts';

const CALLS = 6_000;
const PATHS = [
  'a',
  'b',
  'd',
  'd/e',
  'd/../a',
  '..',
  'l',
  'l/x',
  '.',
  'd/',
  '/',
  '',
  'x'.repeat(300),
];
/** Where the paths and iovecs stand. */
const TEXTS = 1_000;
const IOVECS = 500;
const ERRNOS = new Set<number>(Object.values(errno));

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

function fill(puppet: Puppet): void {
  let at = TEXTS;
  for (const path of PATHS) {
    puppet.put(at, path);
    at += 400;
  }
  puppet.putIovecs(IOVECS, [TEXTS, 400], [END - 10, 10], [0, 0], [END - 10, 11]);
}

test.each([1, 2, 3, 4])(
  'seed %i',
  async (seed) => {
    const random = randomOf(seed);
    const world = new World();
    const timer = {
      ...world.timer,
      start: (_delayNs: bigint, onDue: () => void) => {
        onDue();
        return () => undefined;
      },
    };
    const capabilities = { clock: world.clock, timer, fillRandom: (to: Uint8Array) => to.fill(1) };
    const tree = { bytesMax: 10_000, nodesMax: 20 };
    const puppet = await createPuppet({ world, capabilities, tree, descriptorsMax: 12 });
    const names = [...functionTypes].filter(([name]) => name !== 'proc_exit');
    const interesting = [0, 1, 2, 3, 4, 8, IOVECS, TEXTS, END - 1, END, 0x7fff_ffff, -1, -8];
    const results = new Map<number, number>();
    for (let turn = 0; turn < CALLS; turn += 1) {
      if (turn % 50 === 0) fill(puppet);
      const [name, face] = names[random(names.length)] ?? ['sched_yield', undefined];
      const texts = PATHS.map((path, index) => [TEXTS + index * 400, path.length] as const);
      const args = (face?.params ?? []).flatMap((type, index): readonly WasmValue[] => {
        if (type === 'i64') return [BigInt([0, 1, 64, 66, -1, 2 ** 40][random(6)] ?? 0)];
        if (index === 0 && name !== 'path_symlink') return [random(14)];
        const [ptr, len] = texts[random(texts.length)] ?? [0, 0];
        const kind = random(6);
        if (kind < 2) return [ptr];
        if (kind < 4) return [len];
        return [interesting[random(interesting.length)] ?? 0];
      });
      const result = await puppet.call(name, ...args);
      expect(ERRNOS).toContain(result);
      results.set(result, (results.get(result) ?? 0) + 1);
      expect(puppet.process.descriptors.size).toBeLessThanOrEqual(12);
    }
    // Enough of them made sense for the others to find something.
    expect(results.get(0)).toBeGreaterThan(CALLS / 10);
    expect(results.size).toBeGreaterThan(10);
    puppet.host.guest.release();
  },
  60_000,
);
