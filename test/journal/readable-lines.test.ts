import { describe, expect, test } from 'vitest';
import { createPrettifier, formatBytes, formatDuration } from '../../src/journal/readable-lines.ts';

const TIME = '2026-01-02T03:04:05.678Z';

describe('readable lines', () => {
  const prettify = createPrettifier(false);
  const request = {
    ...{ level: 'info', time: TIME, id: 'd4b305c034f2-1', method: 'GET' },
    ...{ hostName: 'example.com', path: '/a.wasm', clientAddress: '192.0.2.1', status: 200 },
    ...{ bytesReceived: 0, bytesSent: 1_536, outcome: 'replied', folderKey: '/keybase/public/a' },
    ...{ cpuUs: 21, wallUs: 549_580, memoryBytes: 134_217_728 },
  };

  test('tell a request with its id, in units that a person reads', () => {
    const line = prettify(JSON.stringify({ ...request, msg: 'request' }));
    expect(line).toMatch(
      /^\[\d\d:\d\d:\d\d\.678\] INFO: GET example\.com\/a\.wasm → 200 replied, /,
    );
    expect(line).toContain('550 ms, cpu 0.02 ms, memory 128 MiB, sent 1.5 KiB, d4b305c034f2-1');
    expect(line).toContain('/keybase/public/a');
    expect(line.trimEnd()).not.toContain('\n');
  });

  test('tell why a request failed', () => {
    const failed = { ...request, status: 404, errorCode: 'not-found', errorDetail: 'Cannot find' };
    const line = prettify(JSON.stringify({ ...failed, msg: 'request' }));
    expect(line).toContain('→ 404 replied, 550 ms');
    expect(line).toContain(', Cannot find, d4b305c034f2-1');
  });

  test('tell all fields of other lines, the request of a guest’s among them', () => {
    const said = { level: 'warn', time: TIME, modulePath: 'a.wasm', requestId: 'd4-1', msg: 'hi' };
    const line = prettify(JSON.stringify(said));
    expect(line).toContain('WARN: hi');
    expect(line).toContain('d4-1');
    expect(line).toContain('a.wasm');
    const about = { level: 'info', time: TIME, path: '/x', id: 'z', msg: 'file not served' };
    expect(prettify(JSON.stringify(about))).toContain('/x');
  });
});

test.each([
  [0, '0.00 ms'],
  [52, '0.05 ms'],
  [1_449, '1.4 ms'],
  [549_580, '550 ms'],
  [12_345_678, '12.3 s'],
])('%d µs are %s', (microseconds, text) => {
  expect(formatDuration(microseconds)).toBe(text);
});

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [65_536, '64 KiB'],
  [1_258_291, '1.2 MiB'],
  [134_217_728, '128 MiB'],
  [1024 ** 5, '1024 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
