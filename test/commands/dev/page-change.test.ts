import { describe, expect, test } from 'vitest';
import { changeReply } from '../../../src/commands/dev/page-change.ts';

const change = (headers: Readonly<Record<string, string>>, status = 200, method = 'GET') =>
  changeReply({ method, status, rawHeaders: Object.entries(headers).flat(), nonce: 'abc' });

const headerOf = (headers: readonly string[], name: string): string | undefined =>
  headers[headers.indexOf(name) + 1];

describe('what dev changes of an answer', () => {
  test('a page gets the script at its end, and is as long as it says', () => {
    const { end, headers } = change({ 'content-type': 'text/html', 'content-length': '10' });
    expect(String(end)).toContain('<script src="/.terrafirma/dev.js" nonce="abc">');
    expect(headerOf(headers, 'content-length')).toBe(String(10 + (end?.length ?? 0)));
  });

  test.each([
    [{ 'content-type': 'text/plain' }, 200],
    [{ 'content-type': 'text/html', 'content-encoding': 'br' }, 200],
    [{ 'content-type': 'text/html' }, 206],
    [{ 'content-type': 'text/html' }, 304],
    [{ 'content-type': 'text/html', 'content-length': String(1024 * 1024 + 1) }, 200],
  ])('%j with %i stays as it is', (headers: Record<string, string>, status) => {
    const changed = change(headers, status);
    expect(changed.end).toBeUndefined();
    expect(changed.headers).toEqual(Object.entries(headers).flat());
  });

  test('HEAD says how long the page would be, and gets nothing', () => {
    const { end, headers } = change(
      { 'content-type': 'text/html', 'content-length': '10' },
      200,
      'HEAD',
    );
    expect(end).toBeUndefined();
    expect(Number(headerOf(headers, 'content-length'))).toBeGreaterThan(10);
  });

  const policies: readonly (readonly [string, string])[] = [
    ["default-src 'none'", "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'"],
    [
      "default-src 'self'; script-src 'self' 'strict-dynamic'",
      "default-src 'self'; script-src 'self' 'strict-dynamic' 'nonce-abc'; " +
        "connect-src 'self' 'self'",
    ],
    ["style-src 'self'", "style-src 'self'"],
    ["connect-src 'none', img-src *", "connect-src 'self', img-src *"],
  ];
  test.each(policies)('the policy %j lets the script in, and nothing else', (policy, expected) => {
    const { headers } = change({ 'content-type': 'text/html', 'content-security-policy': policy });
    expect(headerOf(headers, 'content-security-policy')).toBe(expected);
  });

  test('an error page of the daemon names its request, another does not', () => {
    const page = { 'content-type': 'text/html', 'x-request-id': 'a1-2' };
    expect(String(change({ ...page, 'x-robots-tag': 'noindex' }, 500).end)).toContain(
      'data-request="a1-2"',
    );
    expect(String(change(page, 500).end)).not.toContain('data-request');
    expect(
      String(change({ ...page, 'x-robots-tag': 'noindex', 'x-request-id': '"><b>' }, 500).end),
    ).not.toContain('data-request');
  });
});
