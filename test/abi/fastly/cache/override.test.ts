import { describe, expect, test } from 'vitest';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';

const SET = 'fastly_http_req.cache_override_v3_set';
const AT = 256;

/** Writes the structure, whole or without its last field at the end of memory. */
function putOverride(puppet: FastlyPuppet, at: number, keys: readonly [number, number]): void {
  for (const [index, value] of [60, 30, ...keys].entries()) {
    puppet.bytes.writeUInt32LE(value, at + index * 4);
  }
}

describe('the cache override in a structure', () => {
  test('is taken with any of its bits', async () => {
    const puppet = await createFastlyPuppet();
    const request = await puppet.number('fastly_http_req.new');
    putOverride(puppet, AT, puppet.put(512, 'one two'));
    for (const tag of [0, 1, 2, 4, 8, 16, 31])
      expect(await puppet.call(SET, request, tag, AT)).toBe(0);
    expect(await puppet.call(SET, request, 32, AT)).toBe(2);
    expect(await puppet.call(SET, 99, 1, AT)).toBe(3);
  });

  test('has its last field only where the bit is set', async () => {
    const puppet = await createFastlyPuppet();
    const request = await puppet.number('fastly_http_req.new');
    const at = END - 16;
    putOverride(puppet, at, [0, 0]);
    expect(await puppet.call(SET, request, 1, at)).toBe(0);
    expect(await puppet.call(SET, request, 17, at)).toBe(2);
    expect(await puppet.call(SET, request, 1, END - 15)).toBe(2);
    putOverride(puppet, AT, [END - 1, 2]);
    expect(await puppet.call(SET, request, 1, AT)).toBe(2);
  });
});

test('none of the products of the vendor are there', async () => {
  const puppet = await createFastlyPuppet();
  for (const name of ['has_domain_inspector', 'has_image_optimizer', 'has_origin_inspector']) {
    expect(await puppet.number(`fastly_compute_runtime.${name}`)).toBe(0);
    expect(await puppet.call(`fastly_compute_runtime.${name}`, END - 3)).toBe(2);
  }
});
