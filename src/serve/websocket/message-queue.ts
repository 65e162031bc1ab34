/**
 * Messages in the order they came, in one buffer: one read of a socket can bring eleven thousand
 * of them, and an object for each would cost Mallory nothing and us a megabyte a connection.
 */

/** What is kept of a message beside its bytes. */
const LENGTH_BYTES = 8;
const BUFFER_BYTES_MIN = 256;
/** A larger buffer is not kept when the queue is empty. */
const BUFFER_BYTES_KEPT = 4_096;
/** So many lengths of taken messages stay before they are dropped. */
const TAKEN_LENGTHS_MAX = 1_024;
const NO_BYTES = new Uint8Array(0);

export class MessageQueue {
  #buffer = NO_BYTES;
  #start = 0;
  #end = 0;
  #lengths: number[] = [];
  #first = 0;

  get count(): number {
    return this.#lengths.length - this.#first;
  }

  /** What the messages cost to keep. */
  get bytes(): number {
    return this.#end - this.#start + this.count * LENGTH_BYTES;
  }

  /** Copies `message`. */
  push(message: Uint8Array): void {
    if (this.#end + message.length > this.#buffer.length) this.#makeRoom(message.length);
    this.#buffer.set(message, this.#end);
    this.#end += message.length;
    this.#lengths.push(message.length);
  }

  /** The oldest message, which is the caller's. */
  shift(): Uint8Array | undefined {
    const length = this.#lengths[this.#first];
    if (length === undefined) return undefined;
    const message = this.#buffer.slice(this.#start, this.#start + length);
    this.#start += length;
    this.#first += 1;
    if (this.count === 0) this.#reset();
    else if (this.#first >= TAKEN_LENGTHS_MAX) {
      this.#lengths = this.#lengths.slice(this.#first);
      this.#first = 0;
    }
    return message;
  }

  clear(): void {
    this.#buffer = NO_BYTES;
    this.#reset();
  }

  #reset(): void {
    this.#start = 0;
    this.#end = 0;
    this.#first = 0;
    this.#lengths = [];
    if (this.#buffer.length > BUFFER_BYTES_KEPT) this.#buffer = NO_BYTES;
  }

  #makeRoom(bytes: number): void {
    const used = this.#end - this.#start;
    const wanted = Math.max((used + bytes) * 2, BUFFER_BYTES_MIN);
    const larger = new Uint8Array(wanted);
    larger.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = larger;
    this.#start = 0;
    this.#end = used;
  }
}
