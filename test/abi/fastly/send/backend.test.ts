import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/capability/fetch/contract.ts';
import { END } from '../../../support/fastly-puppet.ts';
import { useSending } from '../../../support/fastly-sending.ts';

const bench = useSending();
const BACKEND = 'fastly_backend';

const secure: Backend = {
  address: { isTls: true, host: 'secure.example', port: 8_443 },
  host: 'site.example',
  connectTimeoutMs: 500,
  firstByteTimeoutMs: 99_999_999,
  betweenBytesTimeoutMs: 700,
  tlsMin: '1.3',
  keepAliveMs: 5_000,
  tcpKeepAlive: true,
  tcpKeepAliveIdleMs: 60_000,
  tcpKeepAliveIntervalMs: 7_000,
  tcpKeepAliveProbes: 3,
  statedHealth: 'healthy',
};

describe('fastly_backend', () => {
  test.each([
    ['is_healthy', 1],
    ['is_dynamic', 0],
    ['get_connect_timeout_ms', 500],
    ['get_first_byte_timeout_ms', 20_000],
    ['get_between_bytes_timeout_ms', 700],
    ['get_http_keepalive_time', 5_000],
    ['get_tcp_keepalive_enable', 1],
    ['get_tcp_keepalive_interval', 7],
    ['get_tcp_keepalive_probes', 3],
    ['get_tcp_keepalive_time', 60],
    ['is_ssl', 1],
    ['get_ssl_min_version', 3],
    ['get_ssl_max_version', 3],
  ])('%s tells what is set', async (name, value) => {
    const puppet = await bench.puppet({ backends: { secure } });
    expect(await puppet.number(`${BACKEND}.${name}`, 'secure')).toBe(value);
    expect(await puppet.call(`${BACKEND}.${name}`, 'vault', 100)).toBe(2);
    expect(await puppet.call(`${BACKEND}.${name}`, 'secure', END - 3)).toBe(2);
    expect(await puppet.call(`${BACKEND}.${name}`, END - 1, 2, 100)).toBe(2);
  });

  test.each([
    ['is_healthy', 0],
    ['get_connect_timeout_ms', 10_000],
    ['get_tcp_keepalive_enable', 0],
    ['get_tcp_keepalive_time', 0],
    ['is_ssl', 0],
  ])('%s tells what holds where nothing is set', async (name, value) => {
    const puppet = await bench.puppet();
    expect(await puppet.number(`${BACKEND}.${name}`, 'origin')).toBe(value);
  });

  test('has no versions of TLS without TLS', async () => {
    const puppet = await bench.puppet();
    expect(await puppet.call(`${BACKEND}.get_ssl_min_version`, 'origin', 100)).toBe(10);
    expect(await puppet.call(`${BACKEND}.get_ssl_max_version`, 'origin', 100)).toBe(10);
  });

  test('exists says which there are, and is always ok', async () => {
    const puppet = await bench.puppet();
    expect(await puppet.number(`${BACKEND}.exists`, 'origin')).toBe(1);
    expect(await puppet.number(`${BACKEND}.exists`, 'vault')).toBe(0);
    expect(await puppet.number(`${BACKEND}.exists`, '')).toBe(0);
    expect(await puppet.call(`${BACKEND}.exists`, END - 1, 2, 100)).toBe(2);
  });

  test('get_host and get_override_host tell names, get_port 16 bits', async () => {
    const puppet = await bench.puppet({ backends: { secure } });
    const host = (name: string, len = 100) => puppet.valueIn(len, `${BACKEND}.get_host`, name);
    expect(await host('secure')).toMatchObject({ status: 0, text: 'secure.example' });
    expect(await host('secure', 13)).toMatchObject({ status: 4, written: 14 });
    expect(await host('vault')).toMatchObject({ status: 2 });
    const override = (name: string) => puppet.value(`${BACKEND}.get_override_host`, name);
    expect(await override('secure')).toMatchObject({ status: 0, text: 'site.example' });
    expect(await override('origin')).toMatchObject({ status: 10 });
    expect(await puppet.call(`${BACKEND}.get_port`, 'secure', 200)).toBe(0);
    expect([...puppet.bytes.subarray(199, 203)]).toEqual([0xaa, 0xfb, 0x20, 0xaa]);
    expect(await puppet.call(`${BACKEND}.get_port`, 'secure', END - 1)).toBe(2);
  });
});
