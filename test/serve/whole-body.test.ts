import { describe, expect, test } from 'vitest';
import { WholeBody } from '../../src/serve/whole-body.ts';

const kib = 1024;
const shared = { ownsPieces: false };

function numbered(length: number, from: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (from + index) % 251);
}

/** Fed with pieces of `pieceBytes`, as they come from a connection. */
function putTogether(bytes: Uint8Array, pieceBytes: number, declaredBytes: number): Uint8Array {
  const body = new WholeBody(declaredBytes, shared);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    body.add(bytes.subarray(at, at + pieceBytes));
  }
  expect(body.length).toBe(bytes.length);
  return body.finish();
}

describe('WholeBody', () => {
  const large = numbered(600 * kib + 3, 5);

  test.each([
    { name: 'a small body', bytes: numbered(100, 1), declared: 100 },
    { name: 'a large body', bytes: large, declared: large.length },
    { name: 'a body of unknown length', bytes: large, declared: 0 },
    { name: 'an empty body', bytes: new Uint8Array(0), declared: 0 },
    { name: 'less than was declared', bytes: large, declared: 700 * kib },
    { name: 'more than was declared', bytes: large, declared: 300 * kib },
  ])('puts $name together', ({ bytes, declared }) => {
    for (const pieceBytes of [64 * kib, 10_007, 1024 * kib]) {
      expect(Buffer.compare(putTogether(bytes, pieceBytes, declared), bytes)).toBe(0);
    }
  });

  test('keeps a single piece as it is', () => {
    const piece = numbered(10, 0);
    const body = new WholeBody(10, shared);
    body.add(piece);
    expect(body.finish()).toBe(piece);
  });

  test.each([600 * kib, 0])('lets pieces go that are its own (declared: %i)', (declared) => {
    const body = new WholeBody(declared, { ownsPieces: true });
    const pieces = Array.from({ length: 10 }, (_, piece) => numbered(60 * kib, piece));
    const copies = pieces.map((piece) => Uint8Array.from(piece));
    for (const piece of pieces) body.add(piece);
    expect(Buffer.compare(body.finish(), Buffer.concat(copies))).toBe(0);
    expect(pieces.map(({ length }) => length)).toEqual(pieces.map(() => 0));
  });

  test('does not take the room for what is only declared', () => {
    const body = new WholeBody(1024 * kib, shared);
    body.add(numbered(10 * kib, 0));
    expect(body.finish().buffer.byteLength).toBe(10 * kib);
  });
});
