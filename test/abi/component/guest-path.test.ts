import { describe, expect, test } from 'vitest';
import { guestPathOf } from '../../../src/abi/component/guest-path.ts';
import type { RequestHead } from '../../../src/http/message.ts';

const head = (target: string, scriptName: string): RequestHead => ({
  id: '1',
  method: 'GET',
  target,
  scriptName,
  pathInfo: '',
  query: target.split('?')[1] ?? '',
  scheme: 'http',
  authority: 'example.com',
  httpVersion: '1.1',
  headers: [],
  clientAddress: '127.0.0.1',
  clientPort: 1,
});

describe('guestPathOf()', () => {
  test.each([
    ['/app.wasm/users/1?a=b', '/app.wasm', '/users/1?a=b', '/app.wasm'],
    ['/app.wasm', '/app.wasm', '/', '/app.wasm'],
    ['/app.wasm/', '/app.wasm', '/', '/app.wasm'],
    ['/a/b%20c.wasm/d', '/a/b c.wasm', '/d', '/a/b%20c.wasm'],
    ['/users/1', '/index.wasm', '/users/1', ''],
    ['/%', '/%.wasm', '/%', ''],
  ])('%s of %s', (target, scriptName, guests, prefix) => {
    expect(guestPathOf(head(target, scriptName))).toEqual({ target: guests, prefix });
  });
});
