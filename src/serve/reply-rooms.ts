/**
 * Room for the bodies of large answers, used again and again. A body of a mebibyte that is new for
 * each answer is 256 pages that the system has to bring, and a hundred of them are a collection of
 * V8's whole heap (docs/rationale.md). What lies in a room that is taken is what somebody else was
 * answered: whoever takes it sends nothing but what he has written there himself.
 */
import { Buffer } from 'node:buffer';

/** Smaller bodies come from V8's own stock. */
export const roomBytesMin = 16 * 1024;
/** Larger ones are rare, and would keep much for nothing. */
export const roomBytesMax = 4 * 1024 * 1024;
/** What one thread keeps of rooms that nobody uses. */
export const idleRoomsBytesMax = 8 * 1024 * 1024;
/** What nobody wanted for so long goes. */
const idleMs = 1_000;

const smallestLog2 = Math.log2(roomBytesMin);
const classCount = Math.log2(roomBytesMax) - smallestLog2 + 1;

export class ReplyRooms {
  /** By size, each twice the one before; the last that came back is the first to go. */
  readonly #shelves: Uint8Array[][] = Array.from({ length: classCount }, () => []);
  #idleBytes = 0;
  /** The least that lay here since the last look: so much was not wanted. */
  #unwantedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Bytes of the rooms that nobody uses. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** At least `bytes`, with anything in them; undefined where that is no size of a room. */
  take(bytes: number): Uint8Array | undefined {
    if (bytes <= roomBytesMin / 2 || bytes > roomBytesMax) return undefined;
    const size = Math.max(0, Math.ceil(Math.log2(bytes)) - smallestLog2);
    const room = this.#shelves[size]?.pop();
    if (room === undefined) return Buffer.allocUnsafeSlow(roomBytesMin << size);
    this.#idleBytes -= room.length;
    this.#unwantedBytes = Math.min(this.#unwantedBytes, this.#idleBytes);
    return room;
  }

  /** Nobody looks at `room`, which was taken here, any more. */
  giveBack(room: Uint8Array): void {
    if (this.#idleBytes + room.length > idleRoomsBytesMax) return;
    this.#shelves[Math.log2(room.length) - smallestLog2]?.push(room);
    this.#idleBytes += room.length;
    this.#timer ??= setInterval(() => this.#tidy(), idleMs).unref();
  }

  /** Lets go of what was not wanted since the last look, the largest first. */
  #tidy(): void {
    for (let size = classCount - 1; size >= 0; size -= 1) {
      const shelf = this.#shelves[size] ?? [];
      const bytes = roomBytesMin << size;
      while (shelf.length > 0 && this.#unwantedBytes >= bytes) {
        shelf.shift();
        this.#idleBytes -= bytes;
        this.#unwantedBytes -= bytes;
      }
    }
    this.#unwantedBytes = this.#idleBytes;
    if (this.#idleBytes > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** A room that one answer may lie in. */
export class LentRoom {
  readonly room: Uint8Array;
  readonly #rooms: ReplyRooms;
  #isSent = false;

  private constructor(rooms: ReplyRooms, room: Uint8Array) {
    this.#rooms = rooms;
    this.room = room;
  }

  /** As `ReplyRooms.take`. */
  static take(rooms: ReplyRooms, bytes: number): LentRoom | undefined {
    const room = rooms.take(bytes);
    return room === undefined ? undefined : new LentRoom(rooms, room);
  }

  /** The answer is `body`. False where that lies elsewhere: nobody needs the room then. */
  send(body: Uint8Array | undefined): boolean {
    this.#isSent = body?.buffer === this.room.buffer;
    return this.#isSent;
  }

  /** The answer has left. A room that was not sent may be the guest's still. */
  giveBack(): void {
    if (this.#isSent) this.#rooms.giveBack(this.room);
    this.#isSent = false;
  }
}
