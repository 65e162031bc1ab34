import { describe, expect, test } from 'vitest';
import { isStaleConnection, toRefusal } from '../../../src/capability/fetch/refusals.ts';
import { CapabilityRefusal } from '../../../src/capability/refusal.ts';
import { refusal } from '../outbound-bench.ts';

function codeError(code: string): Error {
  return Object.assign(new Error('words of the library'), { code });
}

describe('failures of the HTTP client', () => {
  test.each([
    ['UND_ERR_HEADERS_OVERFLOW', 'limit'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_INVALID_ARG', 'input'],
    ['HPE_INVALID_CONSTANT', 'connection'],
    ['ECONNRESET', 'connection'],
  ])('%s is of the kind %s', (code, kind) => {
    expect(toRefusal(codeError(code))).toMatchObject(refusal(kind, /^Cannot fetch: /));
  });

  test('a refusal stays itself and a stranger becomes a connection failure', () => {
    const reason = new CapabilityRefusal('forbidden', 'no');
    expect(toRefusal(reason)).toBe(reason);
    expect(toRefusal('odd')).toMatchObject(refusal('connection', /odd$/));
  });

  test('only a connection that broke off counts as stale', () => {
    expect(isStaleConnection(codeError('UND_ERR_SOCKET'))).toBe(true);
    expect(isStaleConnection(codeError('ECONNRESET'))).toBe(true);
    expect(isStaleConnection(codeError('HPE_INVALID_CONSTANT'))).toBe(false);
    expect(isStaleConnection(new Error('x'))).toBe(false);
  });
});
