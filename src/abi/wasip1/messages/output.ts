/**
 * Standard output as messages to the client: one a line, or one a frame (see input.ts). They leave
 * as fast as the client takes them; the program waits meanwhile.
 */

import { inBytes } from '../../../amounts.ts';
import { TerrafirmaError } from '../../../errors.ts';
import { noBytes } from '../../../http/body.ts';
import type { Conversation } from '../../abi.ts';
import type { Reply } from '../../objects/cgi/reply.ts';
import type { Written } from '../../objects/cgi/streams.ts';
import type { Framing } from './input.ts';

const lengthBytes = 4;
const lineEnd = 0x0a;
const carriageReturn = 0x0d;
const bufferBytesMin = 256;
/**
 * A write of line ends alone would be a quarter of a million messages, sent on nobody's time: the
 * program has to come back for more, and that counts.
 */
const messagesPerWriteMax = 256;
/** A larger buffer is not kept for the next message. */
const bufferBytesKept = 4_096;

export class MessageOutput implements Reply {
  readonly #conversation: Conversation;
  readonly #framing: Framing;
  /** Holds the message under way, with its length or line end. */
  #buffer = noBytes;
  #length = 0;
  #failure: Error | undefined;

  constructor(conversation: Conversation, framing: Framing) {
    this.#conversation = conversation;
    this.#framing = framing;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The client has gone, or has been told goodbye. */
  get isDropping(): boolean {
    return this.#conversation.isOver;
  }

  /** @throws TerrafirmaError `reply-too-large` when a message is */
  write(bytes: Uint8Array): Written | undefined {
    let taken = 0;
    let room: Promise<void> | undefined;
    for (let count = 0; taken < bytes.length && count < messagesPerWriteMax; ) {
      const rest = bytes.subarray(taken);
      const part = rest.subarray(0, this.#countWanted(rest));
      this.#keep(part);
      taken += part.length;
      if (!this.#isWhole) continue;
      room = this.#conversation.send(this.#takeMessage());
      count += 1;
    }
    return room === undefined && taken === bytes.length ? undefined : { bytes: taken, room };
  }

  flush(): void {
    // A message leaves when it is whole; waiting does not end it.
  }

  /** A last line needs no line end; a frame that was cut short is none. */
  end(): void {
    if (this.#framing === 'lines' && this.#length > 0) {
      void this.#conversation.send(this.#takeMessage());
    }
  }

  /** How many of `bytes` belong to the message under way, as far as that is known. */
  #countWanted(bytes: Uint8Array): number {
    if (this.#framing === 'lines') {
      const at = bytes.indexOf(lineEnd);
      return at < 0 ? bytes.length : at + 1;
    }
    const whole = this.#length < lengthBytes ? lengthBytes : lengthBytes + this.#frameBytes;
    return Math.min(whole - this.#length, bytes.length);
  }

  get #isWhole(): boolean {
    if (this.#framing === 'lines') return this.#buffer[this.#length - 1] === lineEnd;
    return this.#length >= lengthBytes && this.#length === lengthBytes + this.#frameBytes;
  }

  /** As the program has announced it; only when the length is there. */
  get #frameBytes(): number {
    const { buffer, byteOffset } = this.#buffer;
    return new DataView(buffer, byteOffset).getUint32(0, true);
  }

  #keep(part: Uint8Array): void {
    const length = this.#length + part.length;
    const { messageBytesMax } = this.#conversation;
    const extraBytes = this.#framing === 'lines' ? 1 : lengthBytes;
    if (length > messageBytesMax + extraBytes) this.#refuse();
    if (length > this.#buffer.length) this.#enlarge(length);
    this.#buffer.set(part, this.#length);
    this.#length = length;
    if (this.#framing === 'lines' || length < lengthBytes) return;
    // Said at once: the program need not write it first.
    if (this.#frameBytes > messageBytesMax) this.#refuse();
  }

  #enlarge(lengthMin: number): void {
    const doubled = Math.max(lengthMin, this.#buffer.length * 2, bufferBytesMin);
    const larger = new Uint8Array(doubled);
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  /** The message without its length or line end. */
  #takeMessage(): Uint8Array {
    const start = this.#framing === 'lines' ? 0 : lengthBytes;
    let end = this.#length;
    if (this.#framing === 'lines' && this.#buffer[end - 1] === lineEnd) {
      end -= this.#buffer[end - 2] === carriageReturn && end > 1 ? 2 : 1;
    }
    const message = this.#buffer.slice(start, end);
    this.#length = 0;
    if (this.#buffer.length > bufferBytesKept) this.#buffer = noBytes;
    return message;
  }

  #refuse(): never {
    this.#failure = new TerrafirmaError(
      'reply-too-large',
      'Cannot send the message: a message may have ' +
        `${inBytes(this.#conversation.messageBytesMax)}: received more`,
    );
    throw this.#failure;
  }
}
