import { expect, test } from 'vitest';
import { StopGate } from '../../src/commands/signals.ts';

test('the first signal drains', () => {
  expect(new StopGate().take(5_000)).toBe('drain');
});

test('signals within one second of the first count as one', () => {
  const gate = new StopGate();
  gate.take(5_000);
  expect(gate.take(5_000)).toBe('nothing');
  expect(gate.take(5_999)).toBe('nothing');
});

test('a second signal, a second later, forces', () => {
  const gate = new StopGate();
  gate.take(5_000);
  expect(gate.take(6_000)).toBe('force');
});

test('doubled signals do not put off the one that forces', () => {
  const gate = new StopGate();
  gate.take(5_000);
  gate.take(5_900);
  expect(gate.take(6_100)).toBe('force');
});
