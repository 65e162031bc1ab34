import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  idleRoomsBytesMax,
  ReplyRooms,
  roomBytesMax,
  roomBytesMin,
} from '../../src/serve/reply-rooms.ts';

const mib = 1024 * 1024;

function take(rooms: ReplyRooms, bytes: number): Uint8Array {
  const room = rooms.take(bytes);
  if (room === undefined) throw new Error(`no room for ${bytes} bytes`);
  return room;
}

describe('ReplyRooms', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test.each([roomBytesMin / 2 + 1, roomBytesMin, roomBytesMin + 1, mib - 1, mib, roomBytesMax])(
    'has room for %i bytes, and at most twice as much',
    (bytes) => {
      const room = take(new ReplyRooms(), bytes);
      expect(room.length).toBeGreaterThanOrEqual(bytes);
      expect(room.length).toBeLessThan(2 * bytes);
      expect(room.byteOffset).toBe(0);
    },
  );

  test.each([0, 1, roomBytesMin / 2, roomBytesMax + 1])('has none for %i bytes', (bytes) => {
    expect(new ReplyRooms().take(bytes)).toBeUndefined();
  });

  test('gives a room again when it has come back, and not before', () => {
    const rooms = new ReplyRooms();
    const first = take(rooms, mib);
    const second = take(rooms, mib);
    expect(second.buffer).not.toBe(first.buffer);
    rooms.giveBack(first);
    expect(take(rooms, mib - 5).buffer).toBe(first.buffer);
    expect(take(rooms, mib).buffer).not.toBe(first.buffer);
  });

  test('keeps only so many bytes', () => {
    const rooms = new ReplyRooms();
    const taken = Array.from({ length: idleRoomsBytesMax / mib + 1 }, () => take(rooms, mib));
    for (const room of taken) rooms.giveBack(room);
    expect(rooms.idleBytes).toBe(idleRoomsBytesMax);
  });

  test('keeps for a moment what nobody wants', () => {
    const rooms = new ReplyRooms();
    const taken = [take(rooms, mib), take(rooms, mib), take(rooms, roomBytesMin)];
    for (const room of taken) rooms.giveBack(room);
    vi.advanceTimersByTime(1_000);
    // One of them is in use now and then.
    rooms.giveBack(take(rooms, mib));
    vi.advanceTimersByTime(1_000);
    expect(rooms.idleBytes).toBe(mib);
    vi.advanceTimersByTime(1_000);
    expect(rooms.idleBytes).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
