import { describe, expect, test } from 'vitest';
import { defaultLimits, type GrantsConfig } from '../../../src/config/config.ts';
import { lower } from '../../../src/site/settings/ceilings.ts';
import { grantsFor, limitsFor, noSettings } from '../../../src/site/settings.ts';
import { read } from './read.ts';

const open: GrantsConfig = { outbound: 'public', keyValue: true, files: true };
const lowered = (text: string, grants: Partial<GrantsConfig> = {}) =>
  lower(read(text), { limits: defaultLimits, grants: { ...open, ...grants } });

describe('lower()', () => {
  test('gives the same back where nothing is above', () => {
    const settings = read('[limits]\ncpu_ms = 1000\nmemory = "128 MiB"\n[grants]\noutbound = []');
    const result = lower(settings, { limits: defaultLimits, grants: open });
    expect(result).toEqual({ settings, notes: [] });
    expect(result.settings).toBe(settings);
    expect(lower(noSettings, { limits: defaultLimits, grants: open }).settings).toBe(noSettings);
  });

  test('lowers each limit, of the folder and of a module, and says so', () => {
    const { settings, notes } = lowered(`
      [limits]
      cpu_ms = 1_001
      wall_ms = "31 s"
      memory = "129 MiB"
      request_body = "11 MiB"
      runs = 101
      ["a.wasm".limits]
      cpu_ms = 2_000
    `);
    const most = {
      cpuMs: 1_000,
      wallMs: 30_000,
      memoryBytes: 128 * 1024 ** 2,
      requestBodyBytes: 10 * 1024 ** 2,
      runs: 100,
    };
    expect(limitsFor(settings, 'b.wasm')).toEqual(most);
    expect(limitsFor(settings, 'a.wasm')).toEqual(most);
    expect(notes).toEqual([
      'limits.cpu_ms is 1000 ms, the most that is allowed here, not 1001 ms',
      'limits.wall_ms is 30000 ms, the most that is allowed here, not 31000 ms',
      'limits.memory is 128 MiB, the most that is allowed here, not 129 MiB',
      'limits.request_body is 10 MiB, the most that is allowed here, not 11 MiB',
      'limits.runs is 100, the most that is allowed here, not 101',
      '"a.wasm".limits.cpu_ms is 1000 ms, the most that is allowed here, not 2000 ms',
    ]);
  });

  const wants = `
    [kv.notes]
    [backends.o]
    url = "https://o.example"
    ["a.wasm"]
    data = true
    ["a.wasm".grants]
    outbound = ["https://a.example"]
    backends = true
    kv = ["notes"]
    files = ["/"]
  `;

  test('"listed" leaves a list, and no list is an empty one', () => {
    const { settings, notes } = lowered(wants, { outbound: 'listed' });
    expect(grantsFor(settings, 'a.wasm').outbound).toHaveLength(1);
    expect(grantsFor(settings, 'b.wasm')).toEqual({ outbound: [] });
    expect(notes).toEqual([]);
    const none = lower(noSettings, {
      limits: defaultLimits,
      grants: { ...open, outbound: 'listed' },
    });
    expect(grantsFor(none.settings, 'any.wasm')).toEqual({ outbound: [] });
  });

  test('what is not allowed is granted to nobody, whatever a module’s table says', () => {
    const { settings, notes } = lowered(wants, { outbound: 'none', keyValue: false, files: false });
    const nothing = { outbound: [], backends: false, kv: false, files: [] };
    expect(grantsFor(settings, 'a.wasm')).toEqual(nothing);
    expect(grantsFor(settings, 'b.wasm')).toEqual(nothing);
    expect(settings.modules.get('a.wasm' as never)?.data).toBe(false);
    expect(notes).toEqual([
      '"a.wasm".grants.outbound is not allowed here: modules send no requests',
      '"a.wasm".grants.backends is not allowed here: modules send no requests',
      '"a.wasm".grants.kv is not allowed here: modules have no key-value stores',
      '"a.wasm".grants.files is not allowed here: programs read no files',
      '"a.wasm".data is not allowed here: there is no /data',
    ]);
  });
});
