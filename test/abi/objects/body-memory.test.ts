/** Small pieces lie in allocations that they share: what a body counts for is what it keeps. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Body, type BodyOptions } from '../../../src/abi/objects/body.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';

const mib = 1024 * 1024;

let options: BodyOptions;

beforeEach(() => {
  options = optionsOf(mib);
});

function optionsOf(bytesMax: number): BodyOptions {
  const held = new HeldForRun(undefined, bytesMax);
  return { held, headerLimits: { linesMax: 2, bytesMax: 100 } };
}

/** Bytes of all allocations that something of these bodies lies in. */
function allocatedBytes(...bodies: Body[]): number {
  const buffers = new Set<ArrayBufferLike>();
  for (const body of bodies) {
    for (;;) {
      const piece = body.readNow(mib);
      if (piece === undefined || piece.length === 0) break;
      buffers.add(piece.buffer);
    }
  }
  return [...buffers].reduce((bytes, buffer) => bytes + buffer.byteLength, 0);
}

/** One byte in an allocation that it shares with much else, as small copies from a guest do. */
function pinning(): Uint8Array {
  return new Uint8Array(64 * 1024).subarray(0, 1);
}

describe('what a body keeps in memory is not much more than what it counts for', () => {
  test.each(['back', 'front'] as const)('where bytes are written to its %s', (end) => {
    const body = new Body(options);
    for (let turn = 0; turn < 100; turn += 1) body.write(pinning(), end);
    expect(allocatedBytes(body)).toBeLessThan(512 * 1024);
  });

  test('where bodies of a byte are appended', () => {
    const body = new Body(options);
    body.write(pinning());
    for (let turn = 0; turn < 100; turn += 1) {
      const other = new Body(options);
      other.write(pinning());
      body.append(other);
    }
    expect(options.held.bytes).toBeLessThan(2_048);
    expect(allocatedBytes(body)).toBeLessThan(512 * 1024);
    expect(options.held.bytes).toBe(0);
  });

  test('where all but the last byte was read', () => {
    const body = new Body(options);
    body.write(new Uint8Array(512 * 1024));
    body.readNow(512 * 1024 - 1);
    expect(allocatedBytes(body)).toBeLessThan(1_024);
  });

  test('and small pieces come in their order, as many as they are', () => {
    options = optionsOf(8 * mib);
    const body = new Body(options);
    const texts = Array.from({ length: 20_000 }, (_, turn) => `${turn},`);
    for (const text of texts.slice(0, 10_000)) body.write(Buffer.from(text));
    const begun = Buffer.from(body.readNow(10) ?? '').toString();
    for (const text of texts.slice(10_000)) body.write(Buffer.from(text));
    let read = begun;
    for (let piece = body.readNow(mib); piece?.length; piece = body.readNow(mib)) {
      read += Buffer.from(piece).toString();
    }
    expect(read).toBe(texts.join(''));
    expect(options.held.bytes).toBe(0);
  });
});
