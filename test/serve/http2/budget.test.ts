import { describe, expect, test } from 'vitest';
import { Http2Budget } from '../../../src/serve/http2/budget.ts';

const KIB = 1024;
const limits = {
  http2HeaderBytesPerSecondMax: 100 * KIB,
  http2FrameBytesPerSecondMax: 10 * KIB,
};

describe('Http2Budget', () => {
  test('bounds the headers of a second, decompressed', () => {
    const budget = new Http2Budget(limits, 0);
    expect(budget.takeRequest(200 * KIB, 0)).toBe(true);
    expect(budget.takeRequest(1, 0)).toBe(false);
    expect(budget.takeRequest(50 * KIB, 1_000)).toBe(true);
    expect(budget.takeRequest(51 * KIB, 1_000)).toBe(false);
  });

  test('bounds the frames that cost an answer', () => {
    const budget = new Http2Budget(limits, 0);
    for (let count = 0; count < 200; count += 1) expect(budget.takeAnsweredFrame(0)).toBe(true);
    expect(budget.takeAnsweredFrame(0)).toBe(false);
    for (let count = 0; count < 20; count += 1) expect(budget.takeAnsweredFrame(1_000)).toBe(true);
    expect(budget.takeAnsweredFrame(1_000)).toBe(false);
  });

  test('bounds what is neither requests nor bodies', () => {
    const budget = new Http2Budget(limits, 0);
    expect(budget.takeBytes({ received: 20 * KIB, sent: 0 }, 0)).toBe(true);
    expect(budget.takeBytes({ received: 30 * KIB, sent: 0 }, 1_000)).toBe(true);
    expect(budget.takeBytes({ received: 40 * KIB + 1, sent: 0 }, 1_000)).toBe(false);
  });

  test('lets requests, bodies and the windows of answers explain what came', () => {
    const budget = new Http2Budget(limits, 0);
    let received = 0;
    let sent = 0;
    for (let look = 0; look < 100; look += 1) {
      budget.takeRequest(500, 10_000 * look);
      budget.noteBody(100 * KIB);
      sent += 10 * KIB * KIB;
      received += 500 + 100 * KIB + 100 * 9 + 80 * KIB;
      expect(budget.takeBytes({ received, sent }, look)).toBe(true);
    }
    // What explained it is used up: nothing is left for what comes afterwards.
    expect(budget.takeBytes({ received: received + 30 * KIB, sent }, 100)).toBe(false);
  });
});
