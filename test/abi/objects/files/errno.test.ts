import { expect, test } from 'vitest';
import { errno, WasiError } from '../../../../src/abi/objects/files/errno.ts';

test('an errno is an error without a stack, and others keep theirs', () => {
  const limit = Error.stackTraceLimit;
  const error = new WasiError('noent');
  expect([error.errno, error.message, error.name]).toEqual([
    errno.noent,
    'errno noent',
    'WasiError',
  ]);
  expect(error.stack).not.toContain('\n');
  expect(Error.stackTraceLimit).toBe(limit);
  expect(new Error('another').stack).toContain('errno.test.ts');
});
