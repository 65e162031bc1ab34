import { describe, expect, test } from 'vitest';
import { asksForWebSocket, checkHandshake } from '../../../src/serve/websocket/handshake.ts';

const good = {
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const check =
  (headers: object, rest: { method?: string; httpVersion?: string } = {}) =>
  () =>
    checkHandshake({
      method: 'GET',
      httpVersion: '1.1',
      ...rest,
      headers: { ...good, ...headers },
    });

describe('checkHandshake()', () => {
  test.each([{}, { 'sec-websocket-protocol': 'chat, v2.chat' }])('accepts %j', (headers) => {
    expect(check(headers)).not.toThrow();
  });

  test.each([
    [{ 'sec-websocket-version': '14' }, 'must be 13: received "14"'],
    [{ 'sec-websocket-version': undefined }, 'must be 13'],
    [{ 'sec-websocket-key': undefined }, 'must be 16 bytes'],
    [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ' }, 'must be 16 bytes'],
    [{ 'sec-websocket-protocol': 'a,,b' }, 'different tokens'],
    [{ 'sec-websocket-protocol': 'a b' }, 'different tokens'],
    [{ 'content-length': '0' }, 'must have no body'],
    [{ 'transfer-encoding': 'chunked' }, 'must have no body'],
  ])('refuses %j', (headers, rule) => {
    expect(check(headers)).toThrow(rule);
  });

  test('refuses what is no GET of HTTP/1.1', () => {
    expect(check({}, { method: 'PUT' })).toThrow('its method must be GET: received "PUT"');
    expect(check({}, { httpVersion: '1.0' })).toThrow('it must be HTTP/1.1');
  });

  test('takes up no other upgrade', () => {
    expect(asksForWebSocket({ headers: { upgrade: 'WebSocket' } })).toBe(true);
    expect(asksForWebSocket({ headers: { upgrade: 'h2c' } })).toBe(false);
    expect(asksForWebSocket({ headers: {} })).toBe(false);
  });
});
