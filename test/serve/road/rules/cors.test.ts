import { describe, expect, test } from 'vitest';
import type { RequestHead } from '../../../../src/http/message.ts';
import { corsHeaders, isPreflight, preflightReply } from '../../../../src/serve/road/rules/cors.ts';
import { parseSettings } from '../../../../src/site/settings.ts';
import { defaultRequest } from '../../../abi/objects/cgi/stream-exchange.ts';

function corsOf(toml: string) {
  const { cors } = parseSettings(Buffer.from(`[cors]\n${toml}`), 10_000);
  if (cors === undefined) throw new TypeError('there must be [cors]');
  return cors;
}

const APP = 'https://app.example';
const listed = corsOf(`allow_origins = ["${APP}"]\ncredentials = true`);
const anybody = corsOf('allow_origins = ["*"]\nmethods = ["delete"]\nmax_age_s = 5');

function preflight(origin: string): RequestHead {
  return {
    ...defaultRequest,
    method: 'OPTIONS',
    headers: [
      ['origin', origin],
      ['access-control-request-method', 'DELETE'],
    ],
  };
}

describe('corsHeaders()', () => {
  test('an origin is echoed, exactly, and caches are told that answers differ', () => {
    expect(corsHeaders(listed, APP)).toEqual([
      ['access-control-allow-origin', APP],
      ['vary', 'Origin'],
      ['access-control-allow-credentials', 'true'],
    ]);
  });

  test.each([
    'https://app.example.evil',
    'http://app.example',
    'https://APP.example',
    'null',
    '',
    undefined,
  ])('%j is another origin', (origin) =>
    expect(corsHeaders(listed, origin)).toEqual([['vary', 'Origin']]),
  );

  test('any origin is the same for all', () => {
    const any = [['access-control-allow-origin', '*']];
    expect(corsHeaders(anybody, APP)).toEqual(any);
    expect(corsHeaders(anybody, undefined)).toEqual(any);
  });
});

describe('preflights', () => {
  test('are OPTIONS with an origin and a method', () => {
    const asked = preflight(APP);
    expect(isPreflight(asked)).toBe(true);
    expect(isPreflight({ ...asked, method: 'GET' })).toBe(false);
    expect(isPreflight({ ...asked, headers: asked.headers.slice(1) })).toBe(false);
    expect(isPreflight({ ...asked, headers: asked.headers.slice(0, 1) })).toBe(false);
  });

  test('are allowed what the folder allows', () => {
    expect(preflightReply(anybody, preflight(APP))).toEqual({
      status: 204,
      headers: [
        ['access-control-allow-origin', '*'],
        ['access-control-allow-methods', 'GET, HEAD, POST, DELETE'],
        ['access-control-max-age', '5'],
      ],
    });
  });

  test('from elsewhere are allowed nothing', () => {
    const { headers } = preflightReply(listed, preflight('https://evil.example'));
    expect(headers).toEqual([['vary', 'Origin']]);
  });
});
