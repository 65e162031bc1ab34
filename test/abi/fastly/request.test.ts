import { describe, expect, test } from 'vitest';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../support/fastly-puppet.ts';

const REQ = 'fastly_http_req';

async function withRequest(): Promise<{ puppet: FastlyPuppet; request: number }> {
  const puppet = await createFastlyPuppet();
  return { puppet, request: await puppet.number(`${REQ}.new`) };
}

describe('fastly_abi.init', () => {
  test.each([
    [1n, 0],
    [0n, 1],
    [2n, 1],
  ])('version %s is answered with %d', async (version, status) => {
    const puppet = await createFastlyPuppet();
    expect(await puppet.call('fastly_abi.init', version)).toBe(status);
  });
});

describe("the visitor's request", () => {
  test('has always the same handles', async () => {
    const puppet = await createFastlyPuppet();
    const first = await puppet.downstream();
    expect(await puppet.downstream()).toEqual(first);
    expect(first.request).not.toBe(0xffff_fffe);
  });

  test('is read as it came, with a whole URI', async () => {
    const puppet = await createFastlyPuppet({
      request: {
        method: 'POST',
        headers: [
          ['host', 'example.test'],
          ['x-a', '1'],
        ],
      },
    });
    const { request } = await puppet.downstream();
    expect(await puppet.value(`${REQ}.method_get`, request)).toMatchObject({ text: 'POST' });
    expect(await puppet.value(`${REQ}.uri_get`, request)).toMatchObject({
      text: 'http://example.test/users/1?x=2',
    });
    expect(await puppet.number(`${REQ}.version_get`, request)).toBe(2);
    expect((await puppet.list(`${REQ}.header_names_get`, [request])).text).toBe(
      'host\0x-a\0x-forwarded-prefix\0',
    );
  });

  test.each([
    ['/app.wasm', '/app.wasm', 'http://example.test/', '/app.wasm'],
    ['/app.wasm?x=1', '/app.wasm', 'http://example.test/?x=1', '/app.wasm'],
    ['/app.wasm/a%20b/', '/app.wasm', 'http://example.test/a%20b/', '/app.wasm'],
    ['/app.wasm@3f/a', '/app.wasm@3f', 'http://example.test/a', '/app.wasm@3f'],
    ['/users/1', '', 'http://example.test/users/1', ''],
    ['/users/1', '/users', 'http://example.test/users/1', ''],
  ])('of %s under %s is %s', async (target, scriptName, uri, prefix) => {
    const headers = [['x-forwarded-prefix', 'forged']] as const;
    const puppet = await createFastlyPuppet({ request: { target, scriptName, headers } });
    const { request } = await puppet.downstream();
    expect((await puppet.value(`${REQ}.uri_get`, request)).text).toBe(uri);
    const found = await puppet.list(`${REQ}.header_values_get`, [request, 'x-forwarded-prefix']);
    expect(found.text).toBe(prefix === '' ? 'forged\0' : `${prefix}\0`);
  });

  test('is whole without a host, too', async () => {
    const puppet = await createFastlyPuppet({
      request: { authority: '', headers: [], httpVersion: '1.0', target: '/', scriptName: '' },
    });
    const { request } = await puppet.downstream();
    expect((await puppet.value(`${REQ}.uri_get`, request)).text).toBe('http://localhost/');
    expect(await puppet.number(`${REQ}.version_get`, request)).toBe(1);
    expect((await puppet.list(`${REQ}.header_names_get`, [request])).text).toBe('');
  });

  test('is not given where there is no room for its handles', async () => {
    const puppet = await createFastlyPuppet();
    expect(await puppet.call(`${REQ}.body_downstream_get`, END - 3, 0)).toBe(2);
    expect(await puppet.call(`${REQ}.body_downstream_get`, 0, END - 3)).toBe(2);
    expect(await puppet.call(`${REQ}.body_downstream_get`, 0, END - 4)).toBe(0);
  });
});

describe('a request of its own', () => {
  test('is a GET of / in HTTP/1.1 without headers', async () => {
    const { puppet, request } = await withRequest();
    expect((await puppet.value(`${REQ}.method_get`, request)).text).toBe('GET');
    expect((await puppet.value(`${REQ}.uri_get`, request)).text).toBe('/');
    expect(await puppet.number(`${REQ}.version_get`, request)).toBe(2);
    expect(await puppet.list(`${REQ}.header_names_get`, [request])).toEqual({
      ...{ status: 0, text: '', written: 0, next: -1 },
    });
  });

  test('takes method, URI and version', async () => {
    const { puppet, request } = await withRequest();
    expect(await puppet.call(`${REQ}.method_set`, request, 'PATCH')).toBe(0);
    expect(await puppet.call(`${REQ}.uri_set`, request, 'https://a.test/x?y=1')).toBe(0);
    expect(await puppet.call(`${REQ}.version_set`, request, 3)).toBe(0);
    expect((await puppet.value(`${REQ}.method_get`, request)).text).toBe('PATCH');
    expect((await puppet.value(`${REQ}.uri_get`, request)).text).toBe('https://a.test/x?y=1');
    expect(await puppet.number(`${REQ}.version_get`, request)).toBe(3);
  });

  test.each([
    ['method_set', '', 1],
    ['method_set', 'G T', 1],
    ['method_set', 'x'.repeat(1_025), 2],
    ['uri_set', '', 1],
    ['uri_set', 'a b', 1],
    ['uri_set', 'http://', 1],
    ['uri_set', '*', 0],
    ['uri_set', 'example.test:80', 0],
  ])('%s %j is answered with %d', async (name, text, status) => {
    const { puppet, request } = await withRequest();
    expect(await puppet.call(`${REQ}.${name}`, request, text)).toBe(status);
  });

  test('refuses versions and modes that there are not', async () => {
    const { puppet, request } = await withRequest();
    expect(await puppet.call(`${REQ}.version_set`, request, 5)).toBe(2);
    expect(await puppet.call(`${REQ}.version_set`, request, -1)).toBe(2);
    expect(await puppet.call(`${REQ}.framing_headers_mode_set`, request, 1)).toBe(0);
    expect(await puppet.call(`${REQ}.framing_headers_mode_set`, request, 2)).toBe(2);
  });

  test('is gone once it is closed, and its number is not given again', async () => {
    const { puppet, request } = await withRequest();
    expect(await puppet.call(`${REQ}.close`, request)).toBe(0);
    expect(await puppet.call(`${REQ}.close`, request)).toBe(3);
    expect((await puppet.value(`${REQ}.method_get`, request)).status).toBe(3);
    expect(await puppet.number(`${REQ}.new`)).not.toBe(request);
  });

  test('is one of so many', async () => {
    const puppet = await createFastlyPuppet({ limits: { fastlyHandlesPerRunMax: 2 } });
    await puppet.number(`${REQ}.new`);
    await puppet.number(`${REQ}.new`);
    expect(await puppet.call(`${REQ}.new`, 0)).toBe(13);
    expect(puppet.world.logLines.join()).toMatch(/Cannot open a request: at most 2 at once/);
  });

  test.each(['method_get', 'uri_get'])('%s needs its room to the byte', async (name) => {
    const { puppet, request } = await withRequest();
    await puppet.call(`${REQ}.method_set`, request, 'PATCH');
    await puppet.call(`${REQ}.uri_set`, request, '/1234');
    const short = await puppet.valueIn(4, `${REQ}.${name}`, request);
    expect(short).toMatchObject({ status: 4, written: 5 });
    expect(puppet.bytes[32_768]).toBe(0xaa);
    expect(await puppet.valueIn(5, `${REQ}.${name}`, request)).toMatchObject({ written: 5 });
    expect(puppet.bytes[32_773]).toBe(0xaa);
    expect(await puppet.call(`${REQ}.${name}`, request, END - 4, 5, 0)).toBe(2);
    expect(await puppet.call(`${REQ}.${name}`, request, END - 5, 5, END - 3)).toBe(2);
    expect(await puppet.call(`${REQ}.${name}`, request, END - 5, 5, 0)).toBe(0);
  });

  test('of handles that name nothing is answered with badf', async () => {
    const puppet = await createFastlyPuppet();
    for (const handle of [0, -1, -2, 99]) {
      expect(await puppet.call(`${REQ}.method_get`, handle, 0, 8, 16)).toBe(3);
      expect(await puppet.call(`${REQ}.method_set`, handle, 'GET')).toBe(3);
      expect(await puppet.call(`${REQ}.uri_set`, handle, '/')).toBe(3);
      expect(await puppet.call(`${REQ}.version_get`, handle, 0)).toBe(3);
      expect(await puppet.call(`${REQ}.version_set`, handle, 0)).toBe(3);
      expect(await puppet.call(`${REQ}.framing_headers_mode_set`, handle, 0)).toBe(3);
      expect(await puppet.call(`${REQ}.close`, handle)).toBe(3);
    }
  });
});
