import { expect, test } from 'vitest';
import { RequestTarget } from '../../../src/abi/component/http-target.ts';

test('a method with a case of its own is that case, however it is given', () => {
  const target = new RequestTarget();
  target.setMethod({ tag: 9, value: 'POST' });
  expect(target.method).toEqual({ tag: 2, value: undefined });
  target.setMethod({ tag: 9, value: 'post' });
  expect(target.method).toEqual({ tag: 9, value: 'post' });
  expect(target.setMethod({ tag: 9, value: 'no method' }).tag).toBe(1);
});

test('the shortest path is that of the root', () => {
  const target = new RequestTarget();
  target.setPath('');
  expect(target.path).toBe('/');
});

test('a scheme with a case of its own is that case, however it is given', () => {
  const target = new RequestTarget();
  target.setScheme({ tag: 2, value: 'https' });
  expect(target.scheme).toEqual({ tag: 1, value: undefined });
  target.setScheme({ tag: 2, value: 'HTTP' });
  expect(target.scheme).toEqual({ tag: 0, value: undefined });
  target.setScheme({ tag: 2, value: 'Gopher' });
  expect(target.scheme).toEqual({ tag: 2, value: 'Gopher' });
  expect(target.setScheme({ tag: 2, value: 'no scheme' }).tag).toBe(1);
  target.setScheme(undefined);
  expect(target.scheme).toBeUndefined();
});
