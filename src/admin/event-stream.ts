/**
 * Server-sent events to one client (the HTML standard, section 9.2). Whoever reads slowly is not
 * waited for: what does not fit is left out and counted, and the client is told how much. Touches
 * the connection, by node:http.
 */
import type { ServerResponse } from 'node:http';

/** What is held for a client that does not read. */
const heldBytesMax = 256 * 1024;
/** Proxies and browsers close what is silent. */
const commentMsDefault = 15_000;
/** Who has read nothing for so many comments keeps others from a stream: two minutes. */
const silentCommentsMax = 8;

export interface EventStreamOptions {
  readonly commentMs?: number;
  /** Asked with each comment: who has signed out meanwhile is told nothing more. */
  readonly isWelcome?: () => boolean;
}

export class EventStream {
  readonly #response: ServerResponse;
  readonly #comments: NodeJS.Timeout;
  readonly #onClose: (() => void)[] = [];
  #left = 0;
  readonly #isWelcome: () => boolean;
  /** Comments since the client was last seen to read all that there was. */
  #silentComments = 0;

  constructor(response: ServerResponse, options: EventStreamOptions = {}) {
    const { commentMs = commentMsDefault, isWelcome = always } = options;
    this.#isWelcome = isWelcome;
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.flushHeaders();
    this.#comments = setInterval(() => this.#comment(), commentMs);
    response.once('close', () => {
      clearInterval(this.#comments);
      for (const listener of this.#onClose) listener();
    });
  }

  get isOpen(): boolean {
    return !this.#response.closed && !this.#response.writableEnded;
  }

  /** Whether there is room for more: who can wait, waits. */
  get hasRoom(): boolean {
    return this.#response.writableLength < heldBytesMax;
  }

  /** Resolves when the client has read some of what is held, or has gone. */
  async whenRoom(): Promise<void> {
    if (this.hasRoom || !this.isOpen) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once('drain', resolve);
    this.#response.once('close', resolve);
    await promise;
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener);
  }

  /** Sends one event, or counts it where the client holds it up. `data` is one line. */
  send(event: { readonly name: string; readonly data: string; readonly id?: string }): void {
    if (!this.isOpen) return;
    if (!this.hasRoom) {
      this.#left += 1;
      return;
    }
    if (this.#left > 0) {
      this.#write(`event: gap\ndata: {"events":${this.#left}}\n\n`);
      this.#left = 0;
    }
    const id = event.id === undefined ? '' : `id: ${event.id}\n`;
    this.#write(`event: ${event.name}\n${id}data: ${event.data}\n\n`);
  }

  end(): void {
    this.#response.end();
  }

  /** What the system holds for the connection is not counted: it is full soon. */
  #comment(): void {
    this.#silentComments = this.#response.writableLength === 0 ? 0 : this.#silentComments + 1;
    if (!this.#isWelcome()) this.end();
    else if (this.#silentComments >= silentCommentsMax) this.#response.destroy();
    else this.#write(':\n\n');
  }

  #write(text: string): void {
    if (this.isOpen) this.#response.write(text);
  }
}

function always(): boolean {
  return true;
}
