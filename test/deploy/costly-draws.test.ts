import { expect, test } from 'vitest';
import { drawCostly } from '../../scripts/fuzz/costly.ts';
import { Trial } from '../../src/deploy/build/trial.ts';
import type { OwnerKey } from '../../src/names.ts';

test('the second fuzzer draws valid modules, equal ones by equal seeds', () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const { bytes, what } = drawCostly(seed);
    expect([seed, what, WebAssembly.validate(bytes)]).toEqual([seed, what, true]);
    expect(drawCostly(seed).bytes).toEqual(bytes);
  }
});

test('some that it draws are too dear for the optimiser, and the trial sees it', async () => {
  const trial = new Trial({ bounds: { optimiser: { functionCpuMsMax: 20, cpuMsMax: 20 } } });
  const owner = '/fuzz/owner' as OwnerKey;
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 12 && kinds.size < 2; seed += 1) {
    const { bytes: code } = drawCostly(seed);
    const subject = { forms: [code], source: { bytes: code, importedFunctionCount: 0 }, owner };
    kinds.add((await trial.optimise(subject)).kind);
  }
  await trial.close();
  expect(kinds.size).toBe(2);
});
