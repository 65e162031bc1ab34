/** Objects of one owner's guests stop the thread for everybody: real guests, V8's own collector. */
import { describe, expect, test } from 'vitest';
import { forever, holdObjects, number, objectGuest } from '../../scripts/attack/object-guest.ts';
import { untilHolds } from '../support/until-holds.ts';
import { Engine } from './world.ts';

/** An answer without a body. */
const reply = [...number(0), ...number(0), ...number(0), 0x10, 0, 0x1a];
/** Holds as many objects as a run may have, and computes until its budget is up. */
const hoard = objectGuest([...holdObjects(400_000), ...forever([])]);
/** 20,000 objects that die young: what a small page in a language with a collector makes. */
const honest = objectGuest([...holdObjects(20_000), ...reply]);
const tenAtOnce = Array.from({ length: 10 }, (_, count) => count);

describe('an owner whose objects stop the thread', () => {
  test('has its next runs wait, and nobody else has', { timeout: 120_000 }, async () => {
    const held: string[] = [];
    using engine = new Engine({
      limits: { cpuMsMax: 100, stallMsPerSMax: 1 },
      onHeldBack: (owner) => held.push(owner),
    });
    const hoarding = engine.load(hoard);
    const small = engine.load('hello');
    await untilHolds(async () => {
      for (const _ of tenAtOnce) engine.begin(hoarding, { owner: '/mallory' });
      const { report } = await engine.run(small, { owner: '/alice', siteKey: '/alice' });
      expect(report.outcome).toBe('replied');
      expect(held).toContain('/mallory');
    });
    const { exchange } = engine.begin(hoarding, { owner: '/mallory' });
    const { report } = await engine.run(small, { owner: '/alice', siteKey: '/alice' });
    expect(report.outcome).toBe('replied');
    expect(engine.pool.waitingCounts.queue).toBeGreaterThan(0);
    expect(held).not.toContain('/alice');
    exchange.goAway();
  });

  test('is not one whose objects die young', { timeout: 120_000 }, async () => {
    const held: string[] = [];
    using engine = new Engine({ onHeldBack: (owner) => held.push(owner) });
    const page = engine.load(honest);
    const small = engine.load('hello');
    for (let round = 0; round < 100; round += 1) {
      const runs = tenAtOnce.map(() => engine.run(page, { owner: '/kotlin', siteKey: '/kotlin' }));
      const answers = await Promise.all(runs);
      for (const { report } of answers) expect(report.outcome).toBe('replied');
      await engine.run(small, { owner: '/alice', siteKey: '/alice' });
    }
    expect(held).toEqual([]);
  });
});
