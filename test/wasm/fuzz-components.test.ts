/** A fixed part of what `npm run fuzz -- components` runs for as long as one likes. */
import { expect, test } from 'vitest';
import { componentSamples } from './fuzz/component-samples.ts';
import { damageComponent } from './fuzz/components.ts';

test('1,000 damaged components are refused, or right', () => {
  const samples = componentSamples();
  let accepted = 0;
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const { isAccepted, complaint } = damageComponent(samples, seed);
    if (isAccepted) accepted += 1;
    expect({ seed, complaint }).toEqual({ seed, complaint: undefined });
  }
  // Else it only says no.
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBeLessThan(1_000);
});
