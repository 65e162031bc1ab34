import { describe, expect, test } from 'vitest';
import { TrustedProxies } from '../../../src/serve/road/client-address.ts';

const proxies = new TrustedProxies(['10.0.0.0/8', 'fd00::/8', '127.0.0.1/32']);

function visitorOf(address: string, headers: Readonly<Record<string, string>>) {
  return proxies.visitorOf({
    address,
    scheme: 'http',
    rawHeaders: Object.entries(headers).flat(),
  });
}

describe('the visitor behind proxies', () => {
  test('is the peer when the peer is not trusted, whatever it says', () => {
    const headers = { 'X-Forwarded-For': '1.1.1.1', 'X-Forwarded-Proto': 'https' };
    expect(visitorOf('9.9.9.9', headers)).toEqual({
      clientAddress: '9.9.9.9',
      scheme: 'http',
      isForwarded: false,
    });
  });

  test.each([
    ['1.1.1.1', '1.1.1.1'],
    // The client wrote the first one itself.
    ['6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['1.1.1.1, 10.1.1.1', '1.1.1.1'],
    ['10.2.2.2, 10.1.1.1', '10.2.2.2'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['1.1.1.1:5000', '1.1.1.1'],
    ['::ffff:1.1.1.1', '1.1.1.1'],
    ['[::FFFF:1.1.1.1]:443', '1.1.1.1'],
    ['1.1.1.1, ::ffff:10.1.1.1', '1.1.1.1'],
    ['::ffff:101:101', '::ffff:101:101'],
    ['1.1.1.1, unknown', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('of X-Forwarded-For %j is %s', (forwardedFor, expected) => {
    const visitor = visitorOf('10.0.0.1', { 'X-Forwarded-For': forwardedFor });
    expect(visitor.clientAddress).toBe(expected);
    expect(visitor.isForwarded).toBe(true);
  });

  test('uses the scheme that the nearest proxy saw', () => {
    expect(visitorOf('127.0.0.1', { 'x-forwarded-proto': 'http, https' }).scheme).toBe('https');
    expect(visitorOf('127.0.0.1', { 'x-forwarded-proto': 'https,http' }).scheme).toBe('http');
    expect(visitorOf('127.0.0.1', {}).scheme).toBe('http');
  });

  test('is looked for in a bounded part of the chain', () => {
    const chain = ['1.1.1.1', ...Array.from({ length: 100 }, () => '10.0.0.2')].join(',');
    expect(visitorOf('10.0.0.1', { 'x-forwarded-for': chain }).clientAddress).toBe('10.0.0.2');
  });
});
