import { describe, expect, test } from 'vitest';
import { Calm } from '../../src/account/calm.ts';

/** Looks four times a second for so long, at threads that are at work for so much of it. */
class Watch {
  readonly #calm = new Calm();
  #nowMs = 0;

  after(seconds: number, share: number): boolean {
    let isCalm = false;
    for (let looks = 0; looks < seconds * 4; looks += 1) {
      this.#nowMs += 250;
      isCalm = this.#calm.look({ share, nowMs: this.#nowMs });
    }
    return isCalm;
  }
}

describe('Calm', () => {
  test('does not know before it has looked for a while', () => {
    expect(new Watch().after(4, 0)).toBe(false);
  });

  test('calls it calm where all threads together are at work for little of their time', () => {
    expect(new Watch().after(60, 0.08)).toBe(true);
    expect(new Watch().after(60, 0.12)).toBe(false);
    expect(new Watch().after(60, 2)).toBe(false);
  });

  test('judges by all of some seconds, not by a moment', () => {
    const watch = new Watch();
    watch.after(20, 0.02);
    expect(watch.after(0.25, 1)).toBe(true);
    expect(watch.after(10, 0.02)).toBe(true);
    expect(watch.after(11, 1)).toBe(false);
    expect(watch.after(11, 0.01)).toBe(true);
  });
});
