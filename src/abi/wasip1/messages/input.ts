/**
 * The client's messages as standard input.
 *
 *   lines    text LF text LF …
 *   frames   u32 LE length, bytes, u32 LE length, bytes, …
 *
 * One reading never gives parts of two messages: so the budget of one cannot be spent on the next.
 */
import { noBytes } from '../../../http/body.ts';
import type { Conversation } from '../../abi.ts';
import type { InputStream } from '../../objects/cgi/streams.ts';

export type Framing = 'lines' | 'frames';

const lengthBytes = 4;
const lineEnd = 0x0a;

export class MessageInput implements InputStream {
  readonly failure: undefined;
  readonly #conversation: Conversation;
  readonly #framing: Framing;
  /** What is left of the message that is being read. */
  #rest: Uint8Array = noBytes;

  constructor(conversation: Conversation, framing: Framing) {
    this.#conversation = conversation;
    this.#framing = framing;
  }

  get readyBytes(): number | undefined {
    return this.#fill()?.length;
  }

  take(bytesMax: number): Uint8Array | undefined {
    const rest = this.#fill();
    if (rest === undefined) return undefined;
    this.#rest = rest.subarray(bytesMax);
    return rest.subarray(0, bytesMax);
  }

  whenReady(): Promise<void> {
    return this.#conversation.whenReady();
  }

  /** Empty at the end; undefined while there is nothing. */
  #fill(): Uint8Array | undefined {
    if (this.#rest.length > 0) return this.#rest;
    const { isOver } = this.#conversation;
    const message = this.#conversation.takeMessage();
    if (message === undefined) return isOver ? noBytes : undefined;
    this.#rest = this.#framing === 'lines' ? endLine(message) : prefixLength(message);
    return this.#rest;
  }
}

function endLine(message: Uint8Array): Uint8Array {
  const line = new Uint8Array(message.length + 1);
  line.set(message);
  line[message.length] = lineEnd;
  return line;
}

function prefixLength(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(lengthBytes + message.length);
  new DataView(frame.buffer).setUint32(0, message.length, true);
  frame.set(message, lengthBytes);
  return frame;
}
