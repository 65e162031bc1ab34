import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorTable } from '../../../src/errors.ts';
import { failureBody } from '../../../src/serve/road/error-page.ts';
import { failureHead } from '../../../src/serve/road/failure.ts';

const html = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

function ask(code: ErrorCode, accept: string | undefined, more: Partial<Asked> = {}) {
  const { detail = 'Cannot do it: because', target = '/page' } = more;
  const hostName = 'hostName' in more ? more.hostName : 'site.test';
  const head = { target, headers: accept === undefined ? [] : ([['accept', accept]] as const) };
  const failed = { head, requestId: '9dcdb169c652-5', hostName, nowMs: Date.UTC(2030, 0, 2) };
  const body = failureBody({ code, detail }, failed);
  const reply = failureHead({ code, detail }, failed);
  return {
    type: body?.mediaType,
    text: Buffer.from(reply.body).toString(),
    headers: new Map(reply.head.headers.map(([name, value]) => [name, value])),
    status: reply.head.status,
  };
}

interface Asked {
  readonly detail: string;
  readonly hostName: string | undefined;
  readonly target: string;
}

describe('the form of a failure', () => {
  test.each([
    [undefined, undefined],
    ['*/*', undefined],
    ['text/*', undefined],
    ['image/png', undefined],
    ['text/html;q=0', undefined],
    [html, 'text/html; charset=utf-8'],
    ['TEXT/HTML', 'text/html; charset=utf-8'],
    ['application/json', 'application/problem+json'],
    ['application/problem+json', 'application/problem+json'],
    ['application/json, text/html', 'text/html; charset=utf-8'],
    ['application/json, text/html;q=0.5', 'application/problem+json'],
  ])('for Accept %j is %j', (accept, type) => {
    const answer = ask('guest-trapped', accept);
    expect(answer.type).toBe(type);
    expect(answer.status).toBe(500);
    expect(answer.headers.get('vary')).toBe('Accept');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    if (type === undefined) expect(answer.text).toBe('Cannot answer: the function failed\n');
  });
});

describe('a page', () => {
  test.each(Object.keys(errorTable) as ErrorCode[])('of %s is small and loads nothing', (code) => {
    const { headers, text } = ask(code, html, { detail: 'x'.repeat(5_000) });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-/,
    );
    expect(headers.get('x-robots-tag')).toBe('noindex');
    expect(text).not.toMatch(/<(script|img|link|iframe)|src=|url\(/);
    expect(text).toContain('9dcdb169c652-5');
  });

  test('shows what strangers chose as text', () => {
    const evil = `"><script>alert(1)</script>'&`;
    const { text } = ask('bad-record', html, { detail: `received ${evil}`, hostName: evil });
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;');
  });

  test.each([undefined, ''])('for the host name %j names a command that works', (hostName) => {
    const { text } = ask('module-refused', html, { hostName });
    expect(text).toContain('<code>terrafirma doctor FOLDER</code>');
  });

  test('tells the owner what to do next', () => {
    expect(ask('not-found', html, { target: '/' }).text).toContain('Put index.html or index.wasm');
    expect(ask('not-found', html).text).not.toContain('Put index.html');
    expect(ask('no-record', html).text).toContain('Set _keybase_pages.site.test. TXT');
    expect(ask('guest-trapped', html).text).toContain('logs --request 9dcdb169c652-5');
    expect(ask('overloaded', html).text).toContain('It may work again in a second.');
  });
});

test('a problem names the request', () => {
  const { text } = ask('guest-out-of-cpu', 'application/json');
  expect(JSON.parse(text)).toMatchObject({
    status: 504,
    code: 'guest-out-of-cpu',
    requestId: '9dcdb169c652-5',
    title: 'This page took too long',
  });
});
