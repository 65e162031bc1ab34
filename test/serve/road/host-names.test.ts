import { describe, expect, test } from 'vitest';
import { HostNames } from '../../../src/serve/road/host-names.ts';

describe('HostNames', () => {
  test.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.com.:8080', 'example.com'],
    ['127.0.0.1:80', undefined],
    ['[::1]', undefined],
    ['', undefined],
    ['x'.repeat(300), undefined],
  ])('of %s is %j, each time', (authority, name) => {
    const names = new HostNames();
    expect([names.of(authority), names.of(authority)]).toEqual([name, name]);
  });

  test('keeps few names, and none that is too long', () => {
    const names = new HostNames();
    names.of('x'.repeat(300));
    expect(names.size).toBe(0);
    for (let count = 0; count < 20_000; count += 1) names.of(`host-${count}.example`);
    expect(names.size).toBe(16_384);
  });

  test('reads an authority as it stands, and refuses what it refused before', () => {
    const names = new HostNames();
    expect(() => names.read('')).toThrow(/bad|Cannot/);
    expect(names.read('site.test:80')).toBe('site.test:80');
    expect(names.read('site.test:80')).toBe('site.test:80');
    // In UTF-8 as it comes, and the same characters in latin1, which are no UTF-8.
    expect(names.read('caf\u00c3\u00a9.test')).toBe('caf\u00e9.test');
    expect(names.of('caf\u00e9.test')).toBe(new HostNames().of('caf\u00e9.test'));
    for (let count = 0; count < 2; count += 1) {
      expect(() => names.read('caf\u00e9.test')).toThrow(/UTF-8/);
      expect(() => names.read('a b')).toThrow(/host/);
    }
  });
});
