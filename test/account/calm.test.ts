import { describe, expect, test } from 'vitest';
import { Calm } from '../../src/account/calm.ts';

/** Looks four times a second for so long, at a process that uses this share of a core. */
class Watch {
  readonly #calm = new Calm();
  #nowMs = 0;
  #cpuMs = 0;

  after(seconds: number, share: number): boolean {
    let isCalm = false;
    for (let looks = 0; looks < seconds * 4; looks += 1) {
      this.#nowMs += 250;
      this.#cpuMs += 250 * share;
      isCalm = this.#calm.look({ cpuMs: this.#cpuMs, nowMs: this.#nowMs });
    }
    return isCalm;
  }
}

describe('Calm', () => {
  test('does not know before it has looked for a while', () => {
    expect(new Watch().after(4, 0)).toBe(false);
  });

  test('calls a process calm that uses little, all cores together', () => {
    expect(new Watch().after(60, 0.08)).toBe(true);
    expect(new Watch().after(60, 0.12)).toBe(false);
    expect(new Watch().after(60, 2)).toBe(false);
  });

  test('follows what the process does', () => {
    const watch = new Watch();
    expect(watch.after(20, 0.01)).toBe(true);
    expect(watch.after(11, 1)).toBe(false);
    expect(watch.after(11, 0.01)).toBe(true);
  });
});
