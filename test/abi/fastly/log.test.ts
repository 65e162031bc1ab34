import { expect, test } from 'vitest';
import { createFastlyPuppet, END } from '../../support/fastly-puppet.ts';

test('an endpoint is a name before the lines of its entries', async () => {
  const puppet = await createFastlyPuppet();
  const endpoint = await puppet.number('fastly_log.endpoint_get', 'my logs');
  expect(await puppet.number('fastly_log.endpoint_get', 'my logs')).toBe(endpoint);
  expect(await puppet.number('fastly_log.write', endpoint, 'one\ntwo\n')).toBe(8);
  expect(await puppet.number('fastly_log.write', endpoint, '')).toBe(0);
  expect(puppet.world.logLines).toEqual([
    'info my logs :: one',
    'info my logs :: two',
    'info my logs :: ',
  ]);
});

test.each(['', 'stdout', 'STDERR', 'fst_managed_x', 'Fst_Managed_'])(
  'the name %j is the host’s own',
  async (name) => {
    const puppet = await createFastlyPuppet();
    expect(await puppet.call('fastly_log.endpoint_get', name, 0)).toBe(2);
  },
);

test('what does not lie in memory, or names nothing, is not written', async () => {
  const puppet = await createFastlyPuppet();
  const endpoint = await puppet.number('fastly_log.endpoint_get', 'mine');
  expect(await puppet.call('fastly_log.write', endpoint, END - 1, 2, 0)).toBe(2);
  expect(await puppet.call('fastly_log.write', endpoint, 'x', END - 3)).toBe(2);
  expect(await puppet.call('fastly_log.write', 99, 'x', 0)).toBe(3);
  expect(await puppet.call('fastly_log.endpoint_get', 'mine', END - 3)).toBe(2);
  expect(puppet.world.logLines).toEqual([]);
});

test('compute_runtime tells CPU time and memory', async () => {
  const puppet = await createFastlyPuppet();
  puppet.host.cpuMs = 12.7;
  expect(await puppet.call('fastly_compute_runtime.get_vcpu_ms', 8)).toBe(0);
  expect(puppet.bytes.readBigUInt64LE(8)).toBe(12n);
  expect(await puppet.number('fastly_compute_runtime.get_heap_mib')).toBe(1);
  expect(await puppet.call('fastly_compute_runtime.get_vcpu_ms', END - 7)).toBe(2);
  expect(await puppet.call('fastly_compute_runtime.get_heap_mib', END - 3)).toBe(2);
});
