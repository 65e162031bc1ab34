import { describe, expect, test } from 'vitest';
import { createTable, SharedRateTable } from '../../../../src/capability/rates/shared-table.ts';
import { CapabilityRefusal } from '../../../../src/capability/refusal.ts';
import { World } from '../../../support/abi-world.ts';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';

const module = 'fastly_erl';
const OUT = 40_000;

async function open(isThere = true): Promise<{ puppet: FastlyPuppet; clock: { ms: number } }> {
  const clock = { ms: 1_700_000_000_000 };
  const table = new SharedRateTable(createTable(64, Buffer.alloc(16)), () => clock.ms);
  const world = Object.assign(new World(), {
    rates: { table: () => (isThere ? table : Promise.resolve(table)) },
  });
  return { puppet: await createFastlyPuppet({ world }), clock };
}

describe('fastly_erl', () => {
  test.each([true, false])('counts, and gives rates (table at hand: %s)', async (isThere) => {
    const { puppet, clock } = await open(isThere);
    expect(await puppet.call(`${module}.ratecounter_increment`, 'rc', 'a', 100)).toBe(0);
    expect(await puppet.number(`${module}.ratecounter_lookup_rate`, 'rc', 'a', 1)).toBe(100);
    expect(await puppet.number(`${module}.ratecounter_lookup_rate`, 'rc', 'a', 10)).toBe(10);
    expect(await puppet.number(`${module}.ratecounter_lookup_rate`, 'rc', 'a', 60)).toBe(1);
    expect(await puppet.number(`${module}.ratecounter_lookup_count`, 'rc', 'a', 10)).toBe(100);
    expect(await puppet.number(`${module}.ratecounter_lookup_count`, 'rc', 'b', 10)).toBe(0);
    clock.ms += 30_000;
    expect(await puppet.number(`${module}.ratecounter_lookup_count`, 'rc', 'a', 20)).toBe(0);
    expect(await puppet.number(`${module}.ratecounter_lookup_count`, 'rc', 'a', 40)).toBe(100);
  });

  test('keeps entries in boxes', async () => {
    const { puppet, clock } = await open();
    expect(await puppet.number(`${module}.penaltybox_has`, 'pb', 'a')).toBe(0);
    expect(await puppet.call(`${module}.penaltybox_add`, 'pb', 'a', 60)).toBe(0);
    expect(await puppet.number(`${module}.penaltybox_has`, 'pb', 'a')).toBe(1);
    clock.ms += 60_000;
    expect(await puppet.number(`${module}.penaltybox_has`, 'pb', 'a')).toBe(0);
    await puppet.call(`${module}.penaltybox_add`, 'pb', 'a', -1);
    clock.ms += 3_600_000;
    expect(await puppet.number(`${module}.penaltybox_has`, 'pb', 'a')).toBe(0);
  });

  test('blocks who comes more often than the limit, until the time is over', async () => {
    const { puppet, clock } = await open();
    const check = () => puppet.number(`${module}.check_rate`, 'rc', 'a', 1, 1, 2, 'pb', 60);
    expect([await check(), await check(), await check(), await check()]).toEqual([0, 0, 1, 1]);
    clock.ms += 30_000;
    expect(await check()).toBe(1);
    clock.ms += 30_000;
    expect(await check()).toBe(0);
  });

  test('answers what is wrong', async () => {
    const { puppet } = await open();
    const call = (name: string, ...args: (number | string)[]) =>
      puppet.call(`${module}.${name}`, ...args);
    expect(await call('ratecounter_lookup_rate', 'rc', 'a', 2, OUT)).toBe(2);
    expect(await call('ratecounter_lookup_count', 'rc', 'a', 70, OUT)).toBe(2);
    expect(await call('ratecounter_lookup_count', 'rc', 'a', 10, END - 3)).toBe(2);
    expect(await call('check_rate', 'rc', 'a', 1, 5, 2, 'pb', 60, OUT)).toBe(2);
    expect(await call('check_rate', 'rc', 'a', 1, 1, 2, 'pb', 60, END - 3)).toBe(2);
    expect(await call('ratecounter_increment', END - 1, 2, 'a', 1)).toBe(2);
    expect(await call('penaltybox_add', 'pb', 0, 1_025, 60)).toBe(2);
    expect(await call('penaltybox_has', 'pb', 'a', END - 3)).toBe(2);
  });

  test('tells where the node has no room', async () => {
    const refusal = new CapabilityRefusal('limit', 'Cannot count: no room');
    const world = Object.assign(new World(), {
      rates: { table: () => Promise.reject(refusal) },
    });
    const puppet = await createFastlyPuppet({ world });
    expect(await puppet.call(`${module}.ratecounter_increment`, 'rc', 'a', 1)).toBe(13);
    expect(puppet.world.logLines.join()).toContain('no room');
  });
});
