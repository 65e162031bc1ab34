import { describe, expect, test } from 'vitest';
import { createLogRing, LogRing, LogRingInput } from '../../src/journal/log-ring.ts';

function ringOf(bytes: number): { readonly input: LogRingInput; readonly ring: LogRing } {
  const memory = createLogRing(bytes);
  return { input: new LogRingInput(memory), ring: new LogRing(memory) };
}

function put(input: LogRingInput, ...lines: readonly string[]): void {
  for (const line of lines) input.put(Buffer.from(`${line}\n`));
}

const texts = (lines: readonly { readonly text: string }[] | undefined): readonly string[] =>
  (lines ?? []).map(({ text }) => text);

/** Everything from the end backwards, in pieces of `pieceBytes`. */
function backwards(ring: LogRing, pieceBytes: number): readonly string[] {
  const found: string[] = [];
  for (let place = ring.end; ; ) {
    const piece = ring.readBefore(place, pieceBytes);
    const last = piece?.at(-1);
    if (piece === undefined || last === undefined) return found;
    found.push(...texts(piece));
    place = last.place;
  }
}

describe('LogRing', () => {
  test('gives the lines in order, and goes on where it was', () => {
    const { input, ring } = ringOf(1_024);
    put(input, 'one', 'two');
    const first = ring.readFrom(0, 100);
    expect(texts(first.lines)).toEqual(['one', 'two']);
    put(input, 'three');
    const next = ring.readFrom(first.next, 100);
    expect(texts(next.lines)).toEqual(['three']);
    expect(ring.readFrom(next.next, 100)).toEqual({ lines: [], next: next.next, lostBytes: 0 });
  });

  test.each([1, 2, 3, 5, 7, 50])('reads pieces of %d bytes as whole lines', (pieceBytes) => {
    const { input, ring } = ringOf(1_024);
    const lines = ['a', 'bb', 'a line that is longer', '', 'ü — €', 'end'];
    put(input, ...lines);
    const found: string[] = [];
    for (let place = 0; place < ring.end; ) {
      const piece = ring.readFrom(place, pieceBytes);
      found.push(...texts(piece.lines));
      place = piece.next;
    }
    expect(found).toEqual(lines);
    expect(backwards(ring, pieceBytes)).toEqual(lines.toReversed());
  });

  test('overwrites the oldest, and tells who comes too late how much he missed', () => {
    const { input, ring } = ringOf(64);
    const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`);
    put(input, ...lines);
    const { lines: left, lostBytes, next } = ring.readFrom(0, 1_000);
    expect(texts(left)).toEqual(lines.slice(-left.length));
    expect(left.length).toBeGreaterThan(5);
    expect(lostBytes).toBe(left[0]?.place);
    expect(next).toBe(ring.end);
    expect(backwards(ring, 20)).toEqual(texts(left).toReversed());
  });

  test('keeps the end of what is longer than the whole ring', () => {
    const { input, ring } = ringOf(32);
    put(input, 'x'.repeat(100), 'last');
    expect(texts(ring.readFrom(0, 1_000).lines)).toEqual(['last']);
  });

  test('wakes who waits for more', async () => {
    const { input, ring } = ringOf(1_024);
    const waiting = ring.whenMore(0, 60_000);
    put(input, 'now');
    await waiting;
    expect(ring.end).toBe(4);
    await ring.whenMore(0, 60_000);
  });
});
