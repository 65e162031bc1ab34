import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fastlyModules, fastlyTable } from '../../../src/abi/fastly/table.ts';
import { faceOf } from '../../../src/abi/hostcall.ts';
import { createFastlyPuppet } from '../../support/fastly-puppet.ts';

const counts: readonly (readonly [string, number])[] = [
  ['fastly_abi', 1],
  ['fastly_http_req', 61],
  ['fastly_http_resp', 19],
  ['fastly_http_body', 11],
  ['fastly_async_io', 2],
  ['fastly_http_downstream', 40],
  ['fastly_log', 2],
  ['fastly_backend', 17],
  ['fastly_config_store', 2],
  ['fastly_dictionary', 2],
  ['fastly_kv_store', 10],
  ['fastly_object_store', 9],
  ['fastly_secret_store', 4],
  ['fastly_geo', 1],
  ['fastly_device_detection', 1],
  ['fastly_compute_runtime', 5],
  ['fastly_acl', 2],
  ['fastly_erl', 6],
  ['fastly_cache', 29],
  ['fastly_http_cache', 26],
  ['fastly_purge', 1],
  ['fastly_image_optimizer', 1],
  ['fastly_shielding', 2],
  ['fastly_uap', 1],
];

describe('the functions of Fastly Compute', () => {
  test.each(counts)('%s has %d', (module, count) => {
    expect(fastlyModules.get(module)?.size).toBe(count);
  });

  test('are 255, all of numbers of 32 bits but one, and answer a status', () => {
    const all = [...fastlyModules].flatMap(([module, functions]) =>
      [...functions].map(([name, facts]) => ({ label: `${module}.${name}`, ...faceOf(facts) })),
    );
    expect(all).toHaveLength(255);
    const wide = all.filter(({ params }) => params.some((type) => type !== 'i32'));
    expect(wide.map(({ label }) => label)).toEqual(['fastly_abi.init']);
    for (const { label, results } of all) expect([label, results]).toEqual([label, ['i32']]);
  });

  test('belong to a section of the rules that is there', () => {
    const rules = readFileSync(join(import.meta.dirname, '../../../docs/spec/fastly.md'), 'utf8');
    const headings = [...rules.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
    const sections = headings.map((text) => `#${text.toLowerCase().replaceAll(' ', '-')}`);
    for (const functions of fastlyModules.values()) {
      for (const { name, spec } of functions.values()) {
        expect([name, sections]).toEqual([name, expect.arrayContaining([spec])]);
      }
    }
  });

  test('have their old names, which are the same functions', () => {
    const legacy = fastlyTable.get('env');
    const response = fastlyModules.get('fastly_http_resp');
    const body = fastlyModules.get('fastly_http_body');
    expect(legacy?.size).toBe(51);
    expect(legacy?.get('xqd_resp_send_downstream')).toBe(response?.get('send_downstream'));
    expect(legacy?.get('xqd_body_close_downstream')).toBe(body?.get('close'));
    expect(legacy?.get('xqd_init')).toBe(fastlyModules.get('fastly_abi')?.get('init'));
  });

  test('can all be called with nothing but zeros, and answer', async () => {
    const puppet = await createFastlyPuppet();
    for (const [module, functions] of fastlyModules) {
      for (const [name, facts] of functions) {
        const zeros = faceOf(facts).params.map((type) => (type === 'i64' ? 0n : 0));
        const status = await puppet.call(`${module}.${name}`, ...zeros);
        expect([module, name, status]).toEqual([module, name, expect.any(Number)]);
        expect(status).toBeLessThan(15);
      }
    }
  });
});
