import { describe, expect, test } from 'vitest';
import { emitModule, nameBytes } from '../wasm/support/assemble.ts';
import { Engine } from './world.ts';

/** () -> (), an array of mutable i32, and the type of the import. */
const types = [
  [0x60, 0, 0],
  [0x5e, 0x7f, 1],
  [0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f],
];
const imports = [[...nameBytes('env'), ...nameBytes('hostcall_resp_set_body'), 0, 2]];
const shared = { types, imports, functions: [0], memories: [[0, 1]], exports: { run: 1 } };

/** global.get 0, i32.const 0, array.get 1: the one entry of the array in the immutable global. */
const getEntry = [0x23, 0, 0x41, 0, 0xfb, 0x0b, 1];

/** Counts its runs in an array of an immutable global, and answers the digit. */
const countingGuest = emitModule({
  ...shared,
  globals: [[0x64, 1, 0, 0x41, 0, 0x41, 1, 0xfb, 0x06, 1, 0x0b]],
  bodies: [
    [
      ...[0, 0x23, 0, 0x41, 0, ...getEntry, 0x41, 1, 0x6a, 0xfb, 0x0e, 1],
      ...[0x41, 0x80, 0x02, ...getEntry, 0x41, 0x30, 0x6a, 0x3a, 0, 0],
      ...[0x41, 0, 0x41, 0x80, 0x02, 0x41, 1, 0x10, 0, 0x1a, 0x0b],
    ],
  ],
});

/** Allocates arrays of a million entries for ever. */
const hoardingGuest = emitModule({
  ...shared,
  bodies: [[0, 0x03, 0x40, 0x41, 0xc0, 0x84, 0x3d, 0xfb, 0x07, 1, 0x1a, 0x0c, 0, 0x0b, 0x0b]],
});

describe('modules that cannot be restored', () => {
  test('are recognised, and serve one run an instance', async () => {
    using engine = new Engine();
    const loaded = engine.load(countingGuest);
    const [core] = loaded.program.cores;
    expect(core?.engine.metered.restorable).toEqual({
      reason: expect.stringMatching(/global 0/),
    });
    expect(core?.cardsModule).toBeUndefined();
    for (let run = 0; run < 3; run += 1) {
      expect((await engine.run(loaded)).text).toBe('1');
      expect(engine.pool.idleBytes).toBe(0);
    }
  });

  test('may allocate so much in a run, and no more', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(hoardingGuest));
    expect(report).toMatchObject({
      outcome: 'out-of-memory',
      error: { code: 'guest-out-of-memory', detail: expect.stringContaining('32 MiB') },
    });
  });
});
