import { describe, expect, test } from 'vitest';
import { addressOf, readAuthority, splitAuthority } from '../../src/http/authority.ts';

test.each([
  ['example.com', 'example.com', '', undefined],
  ['example.com:', 'example.com', '', undefined],
  ['example.com:8080', 'example.com', '8080', undefined],
  ['127.0.0.1', '127.0.0.1', '', '127.0.0.1'],
  ['127.0.0.1:80', '127.0.0.1', '80', '127.0.0.1'],
  ['[::1]', '[::1]', '', '[::1]'],
  ['[::1]:443', '[::1]', '443', '[::1]'],
  ['127.1', '127.1', '', undefined],
  ['1.2.3.4.5', '1.2.3.4.5', '', undefined],
  ['[1.2.3.4]', '[1.2.3.4]', '', undefined],
  ['[::x]', '[::x]', '', undefined],
  ['', '', '', undefined],
])('%s is %s and %j', (authority, host, port, address) => {
  expect(splitAuthority(authority)).toEqual({ host, port });
  expect(addressOf(authority)).toBe(address);
});

describe('readAuthority()', () => {
  test('takes bytes that are UTF-8 for what was meant', () =>
    expect(readAuthority(Buffer.from('bücher.example:80').toString('latin1'))).toBe(
      'bücher.example:80',
    ));

  test.each(['a b', 'user@host', 'a:b', 'a:65536', '[::x]', '[', 'a/b', '\xff', '%41'])(
    'refuses %j',
    (raw) => expect(() => readAuthority(raw)).toThrow(/must/),
  );
});
