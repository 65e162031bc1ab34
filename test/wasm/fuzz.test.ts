/** A fixed part of what scripts/fuzz.ts runs for as long as one likes. */
import { describe, expect, test } from 'vitest';
import { checkGenerated, checkMutated } from './fuzz/compare.ts';
import { generateModule } from './fuzz/generate.ts';

describe('a metered module does what the original does', () => {
  test('over 300 generated modules, restored and run again', () => {
    for (let seed = 1; seed <= 300; seed++) {
      expect({ seed, complaint: checkGenerated(seed) }).toEqual({ seed, complaint: undefined });
    }
  });

  test('over modules that differ: the generator is not stuck', () => {
    const modules = new Set(Array.from({ length: 50 }, (_, seed) => generateModule(seed).join()));
    expect(modules.size).toBe(50);
  });
});

describe('a damaged module', () => {
  test('is refused or stays as valid as it was, over 3000 mutations', () => {
    for (let seed = 1; seed <= 3000; seed++) {
      expect({ seed, complaint: checkMutated(seed) }).toEqual({ seed, complaint: undefined });
    }
  });
});
