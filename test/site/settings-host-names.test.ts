import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../src/site/settings.ts';

function hostNames(text: string): readonly string[] | undefined {
  return parseSettings(Buffer.from(text), 100_000).hostNames;
}

describe('host_names of terrafirma.toml', () => {
  test('are any when they are not listed, and none when the list is empty', () => {
    expect(hostNames('')).toBeUndefined();
    expect(hostNames('host_names = []')).toEqual([]);
  });

  test('are kept in their one spelling', () => {
    const text = 'host_names = ["WWW.Example.com.", "bücher.example"]\n[env]\nA = "1"';
    expect(hostNames(text)).toEqual(['www.example.com', 'xn--bcher-kva.example']);
  });

  test.each([
    'host_names = "a.test"',
    'host_names = [1]',
    'host_names = ["*.a.test"]',
    'host_names = ["127.0.0.1"]',
    'host_names = ["a b"]',
    `host_names = [${'"a.test",'.repeat(1_001)}]`,
    '["a.wasm"]\nhost_names = ["a.test"]',
  ])('are refused when they can be none: %s', (text) => {
    expect(() => hostNames(text)).toThrow(/host/);
  });
});
