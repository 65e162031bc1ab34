/** What stands behind descriptors 0, 1 and 2: bytes that come or go, without a place in them. */

export interface InputStream {
  /**
   * Up to `bytesMax` bytes that are here now; empty at the end; undefined when nothing has come
   * yet: then `whenReady`.
   */
  take(bytesMax: number): Uint8Array | undefined;
  /** Resolves when `take` has something to give, the end included. May be asked again. */
  whenReady(): Promise<void>;
  /** Bytes that `take` could give now; undefined when it would have to wait. */
  readonly readyBytes: number | undefined;
  /** What `take` gives is the taker's alone, and may be let go. Left out: others may have it. */
  readonly givesAway?: boolean;
}

/** How far a stream went along with a write, where it is not simply done. */
export interface Written {
  /** Taken of what was offered; the rest is to be offered again, in another write. */
  readonly bytes: number;
  /** There should be no more until it resolves. */
  readonly room: Promise<void> | undefined;
}

/** Where the bytes of a write are before anybody has copied them. */
export interface WriteSource {
  /** Copies `len` bytes at `ptr` to `at` in `target`, which has room. */
  copyInto(target: Uint8Array, at: number, ptr: number, len: number): void;
}

export interface OutputStream {
  /** How many bytes `gather` may take now; left out: none. */
  readonly gatherBytesMax?: number;
  /** As `write` of bytes that nobody has copied yet: small writes need no copy of their own. */
  gather?(source: WriteSource, ptr: number, len: number): void;
  /**
   * Takes `bytes` over, all of them unless it says otherwise. A promise when there should be no
   * more until it resolves.
   */
  write(bytes: Uint8Array): Promise<void> | Written | undefined;
  /**
   * Writes of fewer bytes are copied, or turned into text, before `write` returns: they may lie in
   * an allocation that others share. Left out: none are.
   */
  readonly copiesBelowBytes?: number;
  /** What the guest has written should leave now. */
  flush(): void;
  /** Whether what it has written may stay for a moment while the guest waits. */
  readonly mayHold?: boolean;
  /** Whether all that is still written goes nowhere: there is no use in looking at it. */
  readonly isDropping?: boolean;
}
