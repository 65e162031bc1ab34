import { expect, test } from 'vitest';
import { stepForRefused } from '../../src/doctor/refused-module.ts';

test.each([
  'Cannot run the module: unknown import "env" "abort" (function)',
  'Cannot run the module: no export `run`; import "env" "x": expected a function',
  'Cannot run the component: unknown interface "acme:rockets/launch@1.0.0"; docs say more',
  'Cannot run the component: import "wasi:io/poll@0.2.0#poll" has another type here',
])('%s: is built with other imports', (problem) => {
  const step = stepForRefused('a.wasm', problem);
  expect(step).toMatch(/^Change what a\.wasm imports and build it again \(/);
  expect(step.endsWith(`: ${problem}`)).toBe(true);
});

test('a file that cannot be read is replaced', () => {
  const problem = 'Cannot read the module: it must be complete: received 3 bytes';
  expect(stepForRefused('a.wasm', problem)).toBe(`Replace a.wasm: ${problem}`);
});
