/**
 * What one instance holds of the process: its linear memories at their physical size and by their
 * number, and what it costs beside them. On the account of the owner whose run it serves, and on
 * nobody's while it is idle, because then it can be given up. A run may write to all of its memory,
 * so all of it counts; while it is idle only what the system holds for it does.
 */
import type { Account } from '../../account/account.ts';
import type { Share } from '../../account/share.ts';

export class GuestCharge {
  readonly #account: Account;
  readonly #memoryCount: number;
  #share: Share | undefined;
  #bytes = 0;
  /** Beside what `set` tells: an image of its own. */
  #imageBytes = 0;
  /** What it holds while it is idle. */
  #idleBytes = 0;
  #isClosed = false;

  /** `memoryCount` memories have been taken for `share`; see memories.ts. */
  constructor(account: Account, share: Share, memoryCount: number) {
    this.#account = account;
    this.#share = share;
    this.#memoryCount = memoryCount;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The instance has a first state that no other shares. */
  addImage(bytes: number): void {
    const before = this.#bytes - this.#imageBytes;
    this.#imageBytes = bytes;
    this.set(before);
  }

  /** The instance has so many bytes now. */
  set(instanceBytes: number): void {
    this.#change(instanceBytes + this.#imageBytes);
  }

  /** Adds bytes that the instance is about to have, unless its owner may not hold them. */
  tryGrow(bytes: number): boolean {
    if (this.#share?.allows('bytes', bytes) !== true) return false;
    this.#change(this.#bytes + bytes);
    return true;
  }

  /** What `tryGrow` added is not there after all. */
  shrink(bytes: number): void {
    this.#change(this.#bytes - bytes);
  }

  /** What it holds, or last held, while it is idle. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** The instance serves a run of `share`. */
  serve(share: Share): void {
    this.#move(share);
  }

  /** The instance is idle, and so many bytes of its memories were never written to. */
  rest(untouchedBytes: number): void {
    if (this.#share === undefined) return;
    this.#idleBytes = this.#bytes - untouchedBytes;
    this.#move(undefined);
  }

  /** The instance is gone. */
  close(): void {
    if (this.#isClosed) return;
    if (this.#share === undefined) this.#account.common.release('idle-guest', this.#idleBytes);
    else this.#change(0);
    this.#isClosed = true;
    (this.#share ?? this.#account.common).addMemories(-this.#memoryCount);
  }

  #change(bytes: number): void {
    if (bytes === this.#bytes) return;
    this.#share?.charge('memory', bytes - this.#bytes);
    this.#bytes = bytes;
  }

  #move(share: Share | undefined): void {
    if (share === this.#share || this.#isClosed) return;
    this.#share?.moveInstance(-this.#bytes, -this.#idleBytes, -this.#memoryCount);
    share?.moveInstance(this.#bytes, this.#idleBytes, this.#memoryCount);
    this.#share = share;
  }
}
