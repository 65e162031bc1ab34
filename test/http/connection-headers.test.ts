import { describe, expect, test } from 'vitest';
import {
  connectionHeaders,
  isLeftToDaemon,
  namedByConnection,
} from '../../src/http/connection-headers.ts';

describe('connectionHeaders', () => {
  test.each([
    // RFC 9110, section 7.6.1.
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'transfer-encoding',
    'upgrade',
    // Sections 6.5.1, 11.7.1 and 11.7.2.
    'trailer',
    'proxy-authenticate',
    'proxy-authorization',
  ])('holds %s', (name) => {
    expect(connectionHeaders.has(name)).toBe(true);
    expect(isLeftToDaemon(name)).toBe(true);
  });

  test.each(['host', 'authorization', 'cookie', 'expect', 'via', 'date'])('passes on %s', (name) =>
    expect(isLeftToDaemon(name)).toBe(false),
  );

  test('the length of a body is passed on from a visitor, but not from an answer', () => {
    expect(connectionHeaders.has('content-length')).toBe(false);
    expect(isLeftToDaemon('content-length')).toBe(true);
  });
});

describe('namedByConnection()', () => {
  test.each([
    ['', []],
    ['keep-alive', []],
    ['Close', []],
    ['x-one', ['x-one']],
    ['keep-alive, X-One ,\tx-two', ['keep-alive', 'x-one', 'x-two']],
    // Without them it would be another request.
    ['Host, Content-Length, x-one', ['x-one']],
  ])('of %j', (values, names) =>
    expect([...namedByConnection(values)].filter((name) => name !== '')).toEqual(names),
  );
});
