import { describe, expect, test } from 'vitest';
import { BodyQueue } from '../../src/http/body-queue.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A queue that counts what its owner is told. */
function open(windowBytesMax = 1_000) {
  const told = { takenBytes: 0, rooms: 0, cancels: 0 };
  const queue = new BodyQueue({
    windowBytesMax,
    onTaken: (taken) => {
      told.takenBytes += taken;
    },
    onRoom: () => {
      told.rooms += 1;
    },
    onCancel: () => {
      told.cancels += 1;
    },
  });
  return { queue, told };
}

describe('a queue of pieces', () => {
  test('gives what was pushed in order, then the end, again and again', async () => {
    const { queue } = open();
    queue.push(bytes('a'));
    queue.push(bytes(''));
    queue.push(bytes('b'));
    queue.end([['x-sum', '1']]);
    expect(await queue.read()).toEqual(bytes('a'));
    expect(await queue.read()).toEqual(bytes('b'));
    expect(await queue.read()).toBeUndefined();
    expect(await queue.read()).toBeUndefined();
    expect(queue.trailers).toEqual([['x-sum', '1']]);
  });

  test('hands a piece to a reader that waits, however full it is', async () => {
    const { queue, told } = open(1);
    const read = queue.read();
    const piece = bytes('a long piece');
    expect(queue.push(piece)).toBe(true);
    expect(await read).toBe(piece);
    expect(told.takenBytes).toBe(BodyQueue.weigh(piece));
  });

  test('says when it is full, and once when there is room again', async () => {
    const { queue, told } = open(300);
    expect(queue.push(bytes('a'))).toBe(true);
    expect(queue.push(bytes('b'))).toBe(true);
    expect(queue.push(bytes('c'))).toBe(false);
    expect(queue.hasRoom).toBe(false);
    await queue.read();
    expect(told.rooms).toBe(1);
    await queue.read();
    expect(told.rooms).toBe(1);
  });

  test('bounds pieces of one byte by more than their bytes', () => {
    const { queue } = open(64 * 1024);
    let pieces = 1;
    while (queue.push(bytes('x'))) pieces += 1;
    expect(pieces).toBeLessThan(600);
  });

  test('drops what waits when the body breaks off', async () => {
    const { queue, told } = open();
    const piece = bytes('half');
    queue.push(piece);
    queue.fail(new Error('the server went away'));
    await expect(queue.read()).rejects.toThrow('went away');
    expect(told.takenBytes).toBe(BodyQueue.weigh(piece));
    queue.end();
    await expect(queue.read()).rejects.toThrow('went away');
  });

  test('rejects a reader that waits when the body breaks off', async () => {
    const { queue } = open();
    const read = queue.read();
    queue.fail(new Error('gone'));
    await expect(read).rejects.toThrow('gone');
  });

  test('tells its owner once that nobody wants the rest', async () => {
    const { queue, told } = open();
    queue.push(bytes('a'));
    queue.cancel();
    queue.cancel();
    expect(told.cancels).toBe(1);
    expect(told.takenBytes).toBeGreaterThan(0);
    expect(await queue.read()).toBeUndefined();
    expect(queue.push(bytes('b'))).toBe(true);
    expect(await queue.read()).toBeUndefined();
  });

  test('settles a reader that waits when it is cancelled', async () => {
    const { queue } = open();
    const read = queue.read();
    queue.cancel();
    expect(await read).toBeUndefined();
  });

  test('is no cancellation for its owner where all was pushed already', () => {
    const { queue, told } = open();
    queue.push(bytes('a'));
    queue.end();
    queue.cancel();
    expect(told.cancels).toBe(0);
    expect(told.takenBytes).toBeGreaterThan(0);
  });
});
