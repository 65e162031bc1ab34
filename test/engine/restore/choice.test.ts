import { describe, expect, test } from 'vitest';
import { chooseRestoreMode } from '../../../src/engine/restore/choice.ts';

const all = { cards: true, copyOnWrite: true };
const mib = 1024 * 1024;

describe('chooseRestoreMode()', () => {
  test('marks cards for short runs', () => {
    const measured = { cpuUs: 20, pages: 13, memoryBytes: 1.2 * mib };
    expect(chooseRestoreMode('copy', measured, all)).toBe('cards');
    expect(chooseRestoreMode('cards', measured, all)).toBe('cards');
  });

  test('copies small memories of guests that compute for long', () => {
    const measured = { cpuUs: 5_000, pages: 10, memoryBytes: 64 * 1024 };
    expect(chooseRestoreMode('cards', measured, all)).toBe('copy');
  });

  test('maps large memories of guests that compute for long, where that is possible', () => {
    const measured = { cpuUs: 50_000, pages: 20, memoryBytes: 16 * mib };
    expect(chooseRestoreMode('cards', measured, all)).toBe('copy-on-write');
    expect(chooseRestoreMode('cards', measured, { cards: true, copyOnWrite: false })).toBe('copy');
  });

  test('stays with what it has unless another way is clearly cheaper', () => {
    const measured = { cpuUs: 10, pages: 9, memoryBytes: 128 * 1024 };
    expect(chooseRestoreMode('cards', measured, all)).toBe('cards');
    expect(chooseRestoreMode('copy', measured, all)).toBe('copy');
  });
});
