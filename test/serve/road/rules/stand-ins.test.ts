import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorTable } from '../../../../src/errors.ts';
import { parseRequestPath } from '../../../../src/names.ts';
import {
  cleanRoute,
  errorPageOf,
  pageRoute,
  wantsApplication,
} from '../../../../src/serve/road/rules/stand-ins.ts';
import { defaultRequest } from '../../../abi/objects/cgi/stream-exchange.ts';

describe('cleanRoute()', () => {
  test.each([
    ['GET', '/about', 'about.html'],
    ['HEAD', '/a/b', 'a/b.html'],
    ['GET', '/v1.2', 'v1.2.html'],
    ['POST', '/about', undefined],
    ['GET', '/', undefined],
    ['GET', '/about/', undefined],
    ['GET', '/a.wasm/b', undefined],
  ])('%s %s is %j', (method, target, file) =>
    expect(cleanRoute(method, parseRequestPath(target))?.segments.join('/')).toBe(file),
  );
});

describe('wantsApplication()', () => {
  test.each([
    ['GET', '/view', 'text/html,application/xhtml+xml,*/*;q=0.8', true],
    ['HEAD', '/view/', 'application/json, TEXT/HTML;q=0.1', true],
    ['GET', '/', 'text/html', true],
    ['GET', '/view', '*/*', false],
    ['GET', '/view', 'text/*', false],
    ['GET', '/view', 'x-text/html', false],
    ['GET', '/view', 'text/html5', false],
    ['GET', '/view', '', false],
    ['GET', '/app.js', 'text/html', false],
    ['GET', '/a.b/view', 'text/html', true],
    ['GET', '/m.wasm/view', 'text/html', false],
    ['POST', '/view', 'text/html', false],
  ])('%s %s, accepting %j: %j', (method, target, accept, wants) => {
    const request = { ...defaultRequest, method, headers: [['accept', accept] as const] };
    expect(wantsApplication(request, parseRequestPath(target))).toBe(wants);
  });
});

test('a page is a file of the folder', () => {
  expect(pageRoute('/errors/404.html')).toEqual({
    kind: 'file',
    segments: ['errors', '404.html'],
    isDirectory: false,
  });
});

describe('errorPageOf()', () => {
  const pages = new Map([401, 403, 404, 410, 500].map((status) => [status, `/${status}`]));
  const told: Readonly<Record<string, readonly ErrorCode[]>> = {
    '/401': ['unauthorized'],
    '/403': ['no-permission', 'forbidden-path'],
    '/404': ['not-found', 'no-websocket'],
    '/410': ['gone'],
    '/500': [
      'bad-reply',
      'guest-exited',
      'guest-out-of-cpu',
      'guest-out-of-memory',
      'guest-out-of-time',
      'guest-trapped',
      'module-quarantined',
      'module-refused',
      'no-answer',
      'reply-too-large',
    ],
  };

  test.each(Object.keys(errorTable) as ErrorCode[])('of %s', (code) => {
    const expected = Object.entries(told).find(([, codes]) => codes.includes(code))?.[0];
    const status = errorTable[code].status;
    // Others of these statuses come from before the folder is known.
    if (expected === undefined && [401, 403, 404, 410].includes(status)) return;
    expect(errorPageOf(pages, { code, detail: '' })).toBe(expected);
  });

  test('none without pages', () =>
    expect(errorPageOf(undefined, { code: 'not-found', detail: '' })).toBeUndefined());
});
