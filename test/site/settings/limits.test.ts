import { expect, test } from 'vitest';
import { limitsFor } from '../../../src/site/settings.ts';
import { faultOf, read } from './read.ts';

test('a module’s own limits come before the folder’s, one by one', () => {
  const settings = read(`
    [limits]
    cpu_ms = 200
    wall_ms = "2 s"
    memory = "64 MiB"
    request_body = 0
    runs = 5
    ["a.wasm".limits]
    cpu_ms = 50
    ["b.wasm"]
  `);
  const folders = {
    cpuMs: 200,
    wallMs: 2_000,
    memoryBytes: 64 * 1024 ** 2,
    requestBodyBytes: 0,
    runs: 5,
  };
  expect(limitsFor(settings, 'a.wasm')).toEqual({ ...folders, cpuMs: 50 });
  expect(limitsFor(settings, 'b.wasm')).toEqual(folders);
  expect(limitsFor(settings, 'c.wasm')).toEqual(folders);
  expect(limitsFor(read('["a.wasm".limits]\nruns = 1'), 'a.wasm')).toEqual({ runs: 1 });
  expect(limitsFor(read(''), 'a.wasm')).toEqual({});
});

test.each([
  ['cpu_ms = 0', 'toml:2: limits.cpu_ms must be a whole number from 1 to'],
  ['cpu_ms = 1.5', 'received "1.5"'],
  ['cpu_ms = "1 MiB"', 'or with a unit (ms, s, min, h): received "1 MiB"'],
  ['memory = 65_535', 'limits.memory must be a whole number from 65536'],
  ['memory = "5 GiB"', 'received "5 GiB"'],
  ['memory = []', 'received a list'],
  ['runs = 0', 'limits.runs must be a whole number from 1 to 100000'],
  ['request_body = -1', 'limits.request_body must be'],
])('%s is refused', (line, fault) => {
  expect(faultOf(`[limits]\n${line}`)).toContain(fault);
});
