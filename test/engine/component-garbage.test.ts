import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { World } from '../support/abi-world.ts';
import { Engine } from './world.ts';

const guests = join(import.meta.dirname, '../guests/components/rust');
/** V8 has optimised what a run calls by then, and what that takes is there. */
const warmRuns = 4_000;
const runs = 5_000;
/** What V8 itself makes of a call that may be suspended stays there; the rest of a run is 4 KB. */
const oldBytesMax = 1_200;

/** Bytes of objects that have outlived two collections of young ones. */
function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name: name }) =>
    /^(old|trusted)/.test(name),
  );
  return old.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
}

describe('what a run of a component makes', () => {
  test.each([
    ['hello', 'hello'],
    ['service03', '/'],
  ])('is garbage at its end: %s', { timeout: 120_000 }, async (name, target) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    using engine = new Engine({ restoreMode: 'cards' });
    const loaded = engine.load(readFileSync(join(guests, `${name}.wasm`)));
    const world = new World();
    const serve = async (count: number): Promise<void> => {
      for (let run = 0; run < count; run += 1) {
        await engine.run(loaded, { world, target });
        if (run % 20 === 0) await nextTurn();
      }
    };
    await serve(warmRuns);
    collect();
    const before = oldBytes();
    await serve(runs);
    expect((oldBytes() - before) / runs).toBeLessThan(oldBytesMax);
  });
});
