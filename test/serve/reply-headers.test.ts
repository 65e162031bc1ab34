import { describe, expect, test } from 'vitest';
import { ReplyHeaders } from '../../src/serve/reply-headers.ts';

const head = {
  status: 200,
  headers: [
    ['cache-control', 'no-cache'],
    ['x-request-id', 'the guest’s'],
    ['Vary', 'Accept'],
  ],
} as const;
const own = ['x-request-id', 'id', 'cache-control', 'no-cache', 'Vary', 'Accept'];

describe('ReplyHeaders', () => {
  test('the request id is the log’s', () =>
    expect(new ReplyHeaders().compose(head, 'id', undefined)).toEqual(own));

  test('what is added or fixed gives way to the answer', () => {
    const headers = new ReplyHeaders();
    headers.add('cache-control', 'x');
    headers.add('a', '1');
    headers.add('a', '2');
    const fixed = [
      ['b', '3'],
      ['cache-control', 'y'],
    ] as const;
    expect(headers.compose(head, 'id', fixed)).toEqual([...own, 'b', '3', 'a', '1']);
  });

  test('what answers vary by is added up', () => {
    const headers = new ReplyHeaders();
    headers.add('vary', 'Origin');
    expect(headers.compose(head, 'id', undefined)).toEqual([...own, 'vary', 'Origin']);
  });

  test('what is for absent ones gives way to the answer, and to what replaces it', () => {
    const headers = new ReplyHeaders();
    const ruled = [
      ['cache-control', 'max-age=1'],
      ['a', '1'],
    ] as const;
    headers.replace(ruled, 'absent');
    expect(headers.compose(head, 'id', undefined)).toEqual([...own, 'a', '1']);
    headers.replace([]);
    expect(headers.compose(head, 'id', undefined)).toEqual(own);
  });

  test('what is replaced stands instead, until it is replaced itself', () => {
    const headers = new ReplyHeaders();
    headers.replace([['cache-control', 'max-age=1']]);
    expect(headers.compose(head, 'id', undefined)).toEqual([
      ...['x-request-id', 'id', 'Vary', 'Accept', 'cache-control', 'max-age=1'],
    ]);
    headers.replace([]);
    expect(headers.compose(head, 'id', undefined)).toEqual(own);
  });
});
