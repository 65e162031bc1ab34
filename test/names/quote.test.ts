import { describe, expect, test } from 'vitest';
import { parseHostName, parseRequestPath, withoutSecrets } from '../../src/names.ts';

describe('withoutSecrets()', () => {
  test.each([
    ['/a/b?token=SECRET', '/a/b'],
    ['/a/b#SECRET', '/a/b'],
    ['/user@name/x', '/user@name/x'],
    ['http://u:SECRET@a.example/x@y?q=SECRET', 'http://a.example/x@y'],
    ['http://SECRET@SECRET@a.example', 'http://a.example'],
    ['//u:SECRET@a.example/x', '//a.example/x'],
    ['u:SECRET@a.example:80', 'a.example:80'],
    ['http:/u:SECRET@a.example', 'a.example'],
    ['http:\\\\u:SECRET@a.example', 'a.example'],
    ['http://a.example/x', 'http://a.example/x'],
    ['u:SECRET@', ''],
    ['', ''],
  ])('%j becomes %j', (target, told) => {
    expect(withoutSecrets(target)).toBe(told);
  });
});

test('what refuses a path or a host name quotes no secret', () => {
  const refusals = [
    () => parseRequestPath('/%zz?token=SECRET'),
    () => parseRequestPath('/a//b?token=SECRET'),
    () => parseHostName('u:SECRET@a.example'),
    () => parseHostName(`u:SECRET@${'a'.repeat(300)}`),
  ];
  for (const refuse of refusals) {
    expect(refuse).toThrow(/received/);
    expect(refuse).not.toThrow(/SECRET/);
  }
});
