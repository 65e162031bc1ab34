/**
 * Messages in the order they came, in one buffer: one read of a socket can bring eleven thousand
 * of them, and an object for each would cost Mallory nothing and us a megabyte a connection.
 */
import { noBytes } from '../../http/body.ts';

/** What is kept of a message beside its bytes. */
const lengthBytes = 8;
const bufferBytesMin = 256;
/** A larger buffer is not kept when the queue is empty. */
const bufferBytesKept = 4_096;
/** So many lengths of taken messages stay before they are dropped. */
const takenLengthsMax = 1_024;

export class MessageQueue {
  #buffer = noBytes;
  #start = 0;
  #end = 0;
  #lengths: number[] = [];
  #first = 0;

  get count(): number {
    return this.#lengths.length - this.#first;
  }

  /** What the messages cost to keep. */
  get bytes(): number {
    return this.#end - this.#start + this.count * lengthBytes;
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
    else if (this.#first >= takenLengthsMax) {
      this.#lengths = this.#lengths.slice(this.#first);
      this.#first = 0;
    }
    return message;
  }

  clear(): void {
    this.#buffer = noBytes;
    this.#reset();
  }

  #reset(): void {
    this.#start = 0;
    this.#end = 0;
    this.#first = 0;
    this.#lengths = [];
    if (this.#buffer.length > bufferBytesKept) this.#buffer = noBytes;
  }

  #makeRoom(bytes: number): void {
    const used = this.#end - this.#start;
    const wanted = Math.max((used + bytes) * 2, bufferBytesMin);
    const larger = new Uint8Array(wanted);
    larger.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = larger;
    this.#start = 0;
    this.#end = used;
  }
}
