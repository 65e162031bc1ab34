import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/capability/fetch/contract.ts';
import { END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';
import {
  BODY,
  echo,
  makeRequest,
  REQ,
  RESPONSE,
  replyOf,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();
const CFG = 20_000;
const TEXTS = 22_000;
const CONFIG_BYTES = 108;
const HEALTH = 21_000;
/** Masks by the bits' names in the vendor's words. */
const MASK = {
  reserved: 1,
  hostOverride: 2,
  connect: 4,
  firstByte: 8,
  betweenBytes: 16,
  useSsl: 32,
  sslMin: 64,
  sslMax: 128,
  certHostname: 256,
  ca: 512,
  ciphers: 1024,
  sni: 2048,
  dontPool: 4096,
  clientCert: 8192,
  grpc: 16384,
  keepalive: 32768,
  pooling: 65536,
  ipv4: 131072,
  health: 262144,
  unknown: 524288,
} as const;

/** Words and texts of a struct, by their offsets; a text is its address and length. */
type Fields = Readonly<Record<number, number | string>>;

function write(puppet: FastlyPuppet, start: number, fields: Fields): void {
  let at = TEXTS + (start - CFG);
  for (const [offset, value] of Object.entries(fields)) {
    const word = start + Number(offset);
    if (typeof value === 'number') puppet.bytes.writeUInt32LE(value, word);
    else {
      const [ptr, len] = puppet.put(at, value);
      at += len + 8;
      puppet.bytes.writeUInt32LE(ptr, word);
      puppet.bytes.writeUInt32LE(len, word + 4);
    }
  }
}

function register(
  puppet: FastlyPuppet,
  mask: number,
  fields: Fields = {},
  target = `127.0.0.1:${bench.port}`,
): Promise<number> {
  puppet.bytes.fill(0xaa, CFG, CFG + CONFIG_BYTES);
  write(puppet, CFG, fields);
  return puppet.call(`${REQ}.register_dynamic_backend`, 'mine', target, mask, CFG);
}

function found(puppet: FastlyPuppet): Backend | undefined {
  return puppet.world.fetch.backends.find('mine');
}

describe('register_dynamic_backend', () => {
  test('adds one that requests are sent to, for this run alone', async () => {
    bench.answer = echo;
    const puppet = await bench.puppet();
    expect(await register(puppet, MASK.hostOverride, { 0: 'site.example' })).toBe(0);
    const args = [await makeRequest(puppet), await puppet.body('hi'), 'mine', RESPONSE, BODY];
    expect(await puppet.call(`${REQ}.send`, ...args)).toBe(0);
    expect((await replyOf(puppet)).text).toBe('hi');
    expect(bench.seen[0]?.headers.host).toBe('site.example');
    expect(await puppet.number('fastly_backend.is_dynamic', 'mine')).toBe(1);
    expect(await puppet.number('fastly_backend.exists', 'mine')).toBe(1);
  });

  test('takes all that can be set', async () => {
    const puppet = await bench.puppet();
    const { reserved: _1, unknown: _2, clientCert, ca, ...usual } = MASK;
    const mask = Object.values(usual).reduce((all, each) => all | each, 0);
    write(puppet, HEALTH, {
      ...{ 0: 5_000, 4: 0, 8: 100, 12: 0, 16: 'h', 24: 'get', 32: '/up' },
      ...{ 40: 204, 44: 5, 48: 3, 52: 2 },
    });
    const status = await register(
      puppet,
      mask,
      {
        ...{ 0: 'site.example', 8: 500, 12: 600, 16: 700, 20: 2, 24: 3, 28: 'cert.example' },
        ...{
          44: 'TLSv1.2+ECDHE+AESGCM',
          52: 'sni.example',
          72: 9_000,
          76: 1,
          80: 7,
          84: 3,
          88: 60,
        },
        ...{ 92: 4, 96: 9, 100: 60_000, 104: HEALTH },
      },
      'back.example',
    );
    expect(status).toBe(0);
    expect(found(puppet)).toEqual({
      address: { isTls: true, host: 'back.example', port: 443 },
      host: 'site.example',
      connectTimeoutMs: 500,
      firstByteTimeoutMs: 600,
      betweenBytesTimeoutMs: 700,
      tlsMin: '1.2',
      tlsMax: '1.3',
      certificateHost: 'cert.example',
      ca: undefined,
      ciphers: 'TLSv1.2+ECDHE+AESGCM',
      sni: 'sni.example',
      keepAliveMs: 9_000,
      tcpKeepAlive: true,
      tcpKeepAliveIntervalMs: 7_000,
      tcpKeepAliveProbes: 3,
      tcpKeepAliveIdleMs: 60_000,
      connectionsMax: 4,
      // Not pooled: what the pool would allow does not matter.
      usesMax: 1,
      lifetimeMs: 60_000,
      grpc: true,
      preferIpv4: true,
      health: {
        ...{ path: '/up', method: 'GET', host: 'h', intervalMs: 5_000, timeoutMs: 100 },
        ...{ expectedStatus: 204, window: 5, threshold: 3, initial: 2 },
      },
    });
    expect([clientCert, ca]).toEqual([8192, 512]);
  });

  test('reads only the fields whose bit is set', async () => {
    const puppet = await bench.puppet();
    // All words are 0xaaaaaaaa: pointers and lengths far outside memory.
    expect(await register(puppet, 0)).toBe(0);
    // A shorter struct at the very end of memory.
    const end = [END - 12, 'other.example', 0] as const;
    puppet.bytes.writeUInt32LE(250, END - 4);
    const args = ['other', end[1], MASK.connect, end[0]];
    expect(await puppet.call(`${REQ}.register_dynamic_backend`, ...args)).toBe(0);
    expect(puppet.world.fetch.backends.find('other')?.connectTimeoutMs).toBe(250);
  });

  test.each([
    ['the reserved bit', MASK.reserved, {}],
    ['an unknown bit', MASK.unknown, {}],
    ['an empty host', MASK.hostOverride, { 0: '' }],
    ['a host with a line end', MASK.hostOverride, { 0: 'a\r\nb' }],
    ['a host that is too long', MASK.hostOverride, { 0: 'h'.repeat(1_025) }],
    ['an empty name of the certificate', MASK.certHostname, { 28: '' }],
    ['no authorities', MASK.ca, { 36: '' }],
    ['ciphers that are none', MASK.ciphers, { 44: 'a b' }],
    ['a version of TLS that there is not', MASK.sslMin, { 20: 4 }],
    ['versions that exclude each other', MASK.sslMin | MASK.sslMax, { 20: 3, 24: 2 }],
    ['a text outside memory', MASK.sni, { 52: END - 1, 56: 2 }],
    ['a check of health outside memory', MASK.health, { 104: END - 8 }],
  ] as const)('refuses %s', async (_what, mask, fields) => {
    const puppet = await bench.puppet();
    expect(await register(puppet, mask, fields)).toBe(2);
    expect(found(puppet)).toBeUndefined();
  });

  test.each(['', 'a/b', 'user@host', 'a b', 'h:99999'])('refuses the target %j', async (target) => {
    const puppet = await bench.puppet();
    expect(await register(puppet, 0, {}, target)).toBe(2);
  });

  test('takes no SNI for none', async () => {
    const puppet = await bench.puppet();
    expect(await register(puppet, MASK.useSsl | MASK.sni, { 52: '' })).toBe(0);
    expect(found(puppet)).toMatchObject({ sni: '' });
  });

  test('refuses a name that is taken, and one that is none', async () => {
    const puppet = await bench.puppet();
    const add = (name: string) =>
      puppet.call(`${REQ}.register_dynamic_backend`, name, 'x.example', 0, CFG);
    expect(await add('origin')).toBe(1);
    expect(await add('new')).toBe(0);
    expect(await add('new')).toBe(1);
    expect(await add('')).toBe(2);
    expect(await add('n'.repeat(1_025))).toBe(2);
    expect(await add('\xff')).toBe(2);
  });

  test('is bounded', async () => {
    const puppet = await bench.puppet();
    const add = (name: string) =>
      puppet.call(`${REQ}.register_dynamic_backend`, name, 'x.example', 0, CFG);
    for (let n = 0; n < 64; n += 1) expect(await add(`b${n}`)).toBe(0);
    expect(await add('one more')).toBe(13);
  });

  test('keeps to where the folder lets its modules go', async () => {
    const puppet = await bench.puppet({ outbound: [] });
    expect(await register(puppet, 0)).toBe(1);
    expect(puppet.world.logLines.join()).toMatch(/the folder's list must have it/);
  });
});
