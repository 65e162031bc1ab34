import { describe, expect, test } from 'vitest';
import { faultOf, lines, read } from './read.ts';

test('[site], [errors] and [cors]', () => {
  const settings = read(`
    [site]
    spa = "/index.html"
    clean_urls = true
    canonical_host = "WWW.example.com"
    compress = "all"
    index_first = true
    versions_public = true
    [errors]
    404 = "/404.html"
    500 = "/sorry.html"
    [cors]
    allow_origins = ["https://App.example.com:443", "http://localhost:8080"]
    methods = ["put"]
    headers = ["X-A", "x-b"]
    credentials = true
    max_age_s = 60
  `);
  expect(settings.site).toEqual({
    spa: '/index.html',
    cleanUrls: true,
    canonicalHost: 'www.example.com',
    compress: 'all',
    indexFirst: true,
    versionsPublic: true,
  });
  expect(settings.errorPages).toEqual(
    new Map([
      [404, '/404.html'],
      [500, '/sorry.html'],
    ]),
  );
  expect(settings.cors).toEqual({
    origins: new Set(['https://app.example.com', 'http://localhost:8080']),
    allowsAnyOrigin: false,
    methods: 'PUT',
    headers: 'x-a, x-b',
    hasCredentials: true,
    maxAgeS: 60,
  });
  const any = read('[cors]\nallow_origins = ["*"]\n["a.wasm"]\ncors = "module"');
  expect(any.cors).toMatchObject({ allowsAnyOrigin: true, hasCredentials: false });
  expect(any.modules.get('a.wasm' as never)?.cors).toBe('module');
});

describe('is refused:', () => {
  test.each([
    ['[site]\nspa = "index.html"', 'toml:2: site.spa must be the path of a file'],
    ['[site]\nspa = "/app/"', 'site.spa must be the path of a file'],
    ['[site]\nclean_urls = "yes"', 'site.clean_urls must be true or false'],
    ['[site]\ncanonical_host = "127.0.0.1"', 'site.canonical_host must be a host name'],
    ['host_names = ["a.example"]\n[site]\ncanonical_host = "b.example"', 'among host_names'],
    ['[site]\ncompress = "gzip"', 'site.compress must be "files", "all" or "off"'],
    ['[errors]\n418 = "/a.html"', 'errors may hold only 401, 403, 404, 410, 500'],
    ['[errors]\n404 = "https://a.example/"', 'errors must be the path of a file'],
    ['[errors]\n404 = "/../a.html"', 'must be the path of a file'],
    ['[cors]\nallow_origins = ["*"]\ncredentials = true', 'toml:3: cors.credentials must be false'],
    ['[cors]\nallow_origins = ["https://a.example/"]', 'cors.allow_origins must hold origins'],
    ['[cors]\nallow_origins = ["https://*.example"]', 'cors.allow_origins must hold origins'],
    ['[cors]\nallow_origins = ["null"]', 'cors.allow_origins must hold origins'],
    ['[cors]\nallow_origins = []\nmethods = ["A B"]', 'cors.methods must hold methods'],
    ['[cors]\nallow_origins = []\nmax_age_s = 86401', 'cors.max_age_s must be'],
    ['["a.wasm"]\ncors = true', '"a.wasm".cors must be "module"'],
  ])('%j', (text, fault) => {
    expect(faultOf(text)).toContain(fault);
  });

  test('more than 64 origins, methods or headers', () => {
    const origins = (count: number) =>
      `[cors]\nallow_origins = [${lines(count, (n) => `"https://h${n}",`)}]`;
    expect(faultOf(origins(64))).toBe('accepted');
    expect(faultOf(origins(65))).toContain('cors.allow_origins may hold at most 64 origins');
    const text = `[cors]\nallow_origins = []\nheaders = [${'"a",'.repeat(65)}]`;
    expect(faultOf(text)).toContain('cors.headers may hold at most 64 names of headers');
  });
});
