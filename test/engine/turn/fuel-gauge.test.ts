import { describe, expect, it } from 'vitest';
import { FuelGauge, firstFuel } from '../../../src/engine/turn/fuel-gauge.ts';

describe('FuelGauge', () => {
  it('refill() aims at a tenth of a millisecond between two checks', () => {
    const gauge = new FuelGauge(50_000);
    gauge.refill(0, 10);
    // 50,000 took 0.2 ms.
    expect(gauge.refill(0, 10.2)).toBeCloseTo(25_000, -1);
  });

  it('refill() grows the fuel at most fourfold a check and to two million', () => {
    const gauge = new FuelGauge(firstFuel);
    gauge.refill(0, 0);
    expect(gauge.refill(0, 0.000_1)).toBe(4 * firstFuel);
    for (let check = 1; check < 10; check += 1) gauge.refill(0, check * 0.000_1);
    expect(gauge.fuel).toBe(2_000_000);
  });

  it('refill() never gives less than a thousand', () => {
    const gauge = new FuelGauge(firstFuel);
    gauge.refill(0, 0);
    expect(gauge.refill(0, 60_000)).toBe(1_000);
  });

  it('refill() does not measure a stretch in which the guest was interrupted', () => {
    const gauge = new FuelGauge(50_000);
    gauge.refill(0, 0);
    gauge.interrupt();
    expect(gauge.refill(0, 1_000)).toBe(50_000);
  });
});
