import { describe, expect, test } from 'vitest';
import { FuelGauge, firstFuel } from '../../../src/engine/turn/fuel-gauge.ts';

describe('FuelGauge', () => {
  test('refill() aims at a tenth of a millisecond between two checks', () => {
    const gauge = new FuelGauge(50_000);
    gauge.refill(0, 10);
    // 50,000 took 0.2 ms.
    expect(gauge.refill(0, 10.2)).toBeCloseTo(25_000, -1);
  });

  test('refill() grows the fuel at most fourfold a check and to fifty thousand', () => {
    const gauge = new FuelGauge(1_000);
    gauge.refill(0, 0);
    expect(gauge.refill(0, 0.000_1)).toBe(4_000);
    for (let check = 1; check < 10; check += 1) gauge.refill(0, check * 0.000_1);
    expect(gauge.fuel).toBe(50_000);
  });

  test('give() begins a stretch that is measured: pages that are touched first are dear', () => {
    const gauge = new FuelGauge(20_000);
    expect(gauge.give(0)).toBe(20_000);
    // 20,000 took 4 ms.
    expect(gauge.refill(0, 4)).toBe(1_000);
  });

  test('firstOfNext is no more than what a program gets that was never measured', () => {
    expect(new FuelGauge(50_000).firstOfNext).toBe(firstFuel);
    expect(new FuelGauge(3_000).firstOfNext).toBe(3_000);
  });

  test('refill() never gives less than a thousand', () => {
    const gauge = new FuelGauge(firstFuel);
    gauge.refill(0, 0);
    expect(gauge.refill(0, 60_000)).toBe(1_000);
  });

  test('refill() does not measure a stretch in which the guest was interrupted', () => {
    const gauge = new FuelGauge(50_000);
    gauge.refill(0, 0);
    gauge.interrupt();
    expect(gauge.refill(0, 1_000)).toBe(50_000);
  });
});
