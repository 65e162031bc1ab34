import { expect, test } from 'vitest';
import { Body } from '../../../src/abi/objects/body.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';

const mib = 1024 * 1024;

test('pieces that lie side by side are given as one, and hold what one does', async () => {
  const held = new HeldForRun(undefined, 16 * mib);
  const body = new Body({ held, headerLimits: { linesMax: 2, bytesMax: 100 } });
  const room = Uint8Array.from({ length: 100 }, (_, at) => at);
  for (const [start, end] of [
    [10, 20],
    [20, 25],
    [25, 40],
    [60, 70],
    [40, 50],
  ] as const) {
    body.write(room.subarray(start, end));
  }
  const reader = body.startStreaming();
  body.close();
  const pieces: unknown[] = [];
  for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
    pieces.push([piece[0], piece.length]);
    expect(piece.buffer).toBe(room.buffer);
  }
  expect(pieces).toEqual([
    [10, 30],
    [60, 10],
    [40, 10],
  ]);
  expect(held.bytes).toBe(0);
});

test('more waits for a reader that waits for more, and less for another', async () => {
  const held = new HeldForRun(undefined, 16 * mib);
  const body = new Body({ held, headerLimits: { linesMax: 2, bytesMax: 100 } });
  const reader = body.startStreaming();
  let waiting = 0;
  const found: number[] = [];
  /** Writes until it has to wait; resolves when it may go on. */
  const fill = async (): Promise<void> => {
    for (let room: Promise<void> | undefined; room === undefined; ) {
      waiting += 1;
      room = body.write(new Uint8Array(60 * 1024));
      if (room === undefined) continue;
      found.push(waiting);
      await room;
    }
  };
  const take = async (): Promise<void> => {
    await reader.read();
    waiting -= 1;
  };
  for (let round = 0; round < 4; round += 1) {
    const first = take();
    const goesOn = fill();
    await first;
    while (waiting > 0) await take();
    await goesOn;
  }
  expect(found.splice(0)).toEqual([2, 3, 5, 5]);
  for (let round = 0; round < 4; round += 1) {
    let isWoken = false;
    const goesOn = fill().then(() => {
      isWoken = true;
    });
    while (!isWoken) await take();
    await goesOn;
    expect(waiting).toBeLessThanOrEqual(2);
  }
  expect(found).toEqual([5, 3, 2, 2]);
});
