import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { IntakeTurns } from '../../src/serve/intake-turns.ts';
import { RequestBody } from '../../src/serve/request-body.ts';

const kib = 1024;
const pieceBytes = 64 * kib;

/** A body whose pieces are there as soon as they are asked for, as those of a fast client are. */
function bodyOf(bytes: number, intake: IntakeTurns | undefined): RequestBody {
  let left = bytes;
  const body = new Readable({
    highWaterMark: pieceBytes,
    read() {
      const length = Math.min(left, pieceBytes);
      left -= length;
      this.push(length === 0 ? null : Buffer.alloc(length));
    },
  });
  const unused = (): void => undefined;
  const facts = { declaredBytes: bytes, givesBodyAway: true, isReceived: false };
  const wire = { body, ...facts, sendContinue: unused };
  return new RequestBody({
    wire: { ...wire, keepBody: unused, leaveBody: unused },
    idleTimeoutMs: 60_000,
    tryHold: () => true,
    intake,
  });
}

/** Reads all bodies to their ends; the bytes that each turn of the event loop took. */
async function bytesByTurn(bodies: readonly RequestBody[]): Promise<readonly number[]> {
  const turns = [0];
  let isOver = false;
  const mark = (): void => {
    turns.push(0);
    if (!isOver) setImmediate(mark);
  };
  setImmediate(mark);
  const readAll = async (body: RequestBody): Promise<void> => {
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      turns[turns.length - 1] = (turns.at(-1) ?? 0) + piece.length;
    }
  };
  await Promise.all(bodies.map(readAll));
  isOver = true;
  return turns;
}

describe('bodies that come faster than they are wanted', () => {
  test('take a part of each turn of the event loop, however many there are', async () => {
    const intake = new IntakeTurns();
    const bodies = Array.from({ length: 20 }, () => bodyOf(1024 * kib, intake));
    const turns = await bytesByTurn(bodies);
    const total = turns.reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBe(20 * 1024 * kib);
    // The first piece of each may come at once.
    const firstPieces = bodies.length * pieceBytes;
    expect(Math.max(...turns)).toBeLessThanOrEqual(firstPieces + 512 * kib);
    // Twenty MiB: most turns are such as come after the first pieces.
    expect(turns.filter((bytes) => bytes > 512 * kib).length).toBeLessThanOrEqual(2);
  });

  test('share the turns: none waits until another is whole', async () => {
    const intake = new IntakeTurns();
    const ended: number[] = [];
    const [large, small] = [8 * 1024 * kib, 256 * kib];
    const sizes = [large, large, large, large, large, large, small];
    const read = async (bytes: number): Promise<void> => {
      await bodyOf(bytes, intake).readWhole(bytes);
      ended.push(bytes);
    };
    await Promise.all(sizes.map(read));
    expect(ended[0]).toBe(small);
  });

  test('have a small body in one piece past all that wait', async () => {
    const intake = new IntakeTurns();
    const large = Array.from({ length: 8 }, () => bodyOf(4096 * kib, intake));
    const isOver = Promise.all(large.map((body) => body.readWhole(4096 * kib)));
    while (!intake.isSpent) await new Promise((resolve) => setImmediate(resolve));
    let hasTurned = false;
    setImmediate(() => {
      hasTurned = true;
    });
    await bodyOf(100, intake).read();
    expect(hasTurned).toBe(false);
    await isOver;
  });
});
