import { expect, test } from 'vitest';
import { PieceSize, pieceBytes, quickPieceBytes } from '../../src/serve/piece-size.ts';

test('a piece is twice the last one for who takes them at once, else the smallest', () => {
  let nowMs = 1_000;
  const size = new PieceSize({ nowMs: () => nowMs, pieceBytesMax: quickPieceBytes });
  const pauseFor = (ms: number): number => {
    size.pause();
    nowMs += ms;
    size.goOn();
    return size.bytes;
  };
  expect(size.bytes).toBe(pieceBytes);
  expect(pauseFor(99)).toBe(2 * pieceBytes);
  size.grow();
  expect(size.bytes).toBe(4 * pieceBytes);
  for (let times = 0; times < 5; times += 1) pauseFor(0);
  expect(size.bytes).toBe(quickPieceBytes);
  expect(pauseFor(100)).toBe(pieceBytes);
});

test('no piece is larger than it may be', () => {
  const size = new PieceSize({ nowMs: () => 0, pieceBytesMax: pieceBytes });
  size.grow();
  expect(size.bytes).toBe(pieceBytes);
});
