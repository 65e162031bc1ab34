/**
 * Standard output as a CGI answer: the header block is read, what follows is the body. A small
 * answer leaves whole when the program ends, in one write; a larger one in pieces of at least
 * 16 KiB, or when the program waits for longer than a moment, or says that it should (`fd_sync`).
 */

import { Buffer } from 'node:buffer';
import { letGo } from '../../../account/let-go.ts';
import { inBytes } from '../../../amounts.ts';
import { TerrafirmaError } from '../../../errors.ts';
import { noBytes } from '../../../http/body.ts';
import type { ReplyHead } from '../../../http/message.ts';
import { quoteReceived } from '../../../names/quote.ts';
import type { Exchange } from '../../abi.ts';
import { type CgiHead, HeadBlock, type HeadLimits, parseHead } from './head.ts';
import type { KnownHead } from './known-head.ts';
import type { OutputStream, WriteSource } from './streams.ts';

const flushBytes = 16_384;
/** Smaller writes are gathered: an allocation for each would cost more than its bytes. */
const gatheredBelowBytes = 1_024;
/** Most answers are smaller than the first room for them. */
const firstRoomBytes = 1_024;
const roomBytes = 4_096;

export interface CgiReplyOptions {
  readonly exchange: Exchange;
  readonly head: HeadLimits;
  readonly bodyBytesMax: number;
  /** Whether output without a header block is the body of a text. */
  readonly isPlainTextAllowed: boolean;
  /** Left out: each block is read anew. */
  readonly known?: KnownHead;
}

/** What answers the exchange when the program has ended well. */
export interface Reply extends OutputStream {
  /** Why there can be no answer, or none that is whole: the run ended with it. */
  readonly failure: Error | undefined;
  /** Answers, or throws TerrafirmaError when there is no valid answer. */
  end(): void;
}

const plainHead: ReplyHead = {
  status: 200,
  headers: [['content-type', 'text/plain; charset=utf-8']],
};

const noPieces: readonly Uint8Array[] = [];

export class CgiReply implements Reply {
  readonly copiesBelowBytes = gatheredBelowBytes;
  readonly #options: CgiReplyOptions;
  /** Made for what is not known: most programs write the block that they wrote before. */
  #opened: HeadBlock | undefined;
  #head: CgiHead | undefined;
  #pieces: Uint8Array[] | undefined;
  /** Where small writes are gathered: from `#roomStart` to `#roomEnd` what is no piece yet. */
  #room: Uint8Array = noBytes;
  #roomStart = 0;
  #roomEnd = 0;
  #pendingBytes = 0;
  #bodyBytes = 0;
  #draining: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(options: CgiReplyOptions) {
    this.#options = options;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Until something has left, a program that ends badly can still be answered as such. */
  get mayHold(): boolean {
    return this.#pendingBytes > 0 && this.#options.exchange.replyState === 'none';
  }

  /** Small pieces of a body that is within its limit, and does not leave yet. */
  get gatherBytesMax(): number {
    if (this.#head?.kind !== 'reply') return 0;
    const left = this.#options.bodyBytesMax - this.#bodyBytes;
    return Math.min(gatheredBelowBytes, flushBytes - this.#pendingBytes, left + 1) - 1;
  }

  gather(source: WriteSource, ptr: number, len: number): void {
    this.#makeRoom(len);
    source.copyInto(this.#room, this.#roomEnd, ptr, len);
    this.#roomEnd += len;
    this.#bodyBytes += len;
    this.#pendingBytes += len;
  }

  /** @throws the failure */
  write(bytes: Uint8Array): Promise<void> | undefined {
    try {
      const body = this.#head === undefined ? this.#takeHead(bytes) : bytes;
      if (body.length > 0) this.#takeBody(body);
    } catch (error) {
      if (error instanceof Error) this.#failure = error;
      throw error;
    }
    if (this.#pendingBytes >= flushBytes) this.flush();
    const draining = this.#draining;
    this.#draining = undefined;
    return draining;
  }

  flush(): void {
    if (this.#head?.kind !== 'reply' || this.#pendingBytes === 0) return;
    const { exchange } = this.#options;
    if (exchange.replyState === 'none') exchange.start(this.#head.head);
    if (exchange.replyState !== 'started') return;
    const bytes = this.#takePending();
    const written = exchange.write(bytes);
    if (written === undefined) {
      this.#letGoTaken(bytes);
      return;
    }
    const draining = written.then(() => this.#letGoTaken(bytes));
    const before = this.#draining;
    this.#draining = before === undefined ? draining : before.then(() => draining);
  }

  /** They are a copy of our own, and V8 would find out too late that nobody holds it. */
  #letGoTaken(bytes: Uint8Array): void {
    if (this.#options.exchange.taker?.isTaken === true) letGo(bytes);
  }

  end(): void {
    const { exchange } = this.#options;
    const head = this.#head ?? this.#endHead();
    if (head.kind === 'inside') {
      exchange.redirectInside(head.target);
    } else if (exchange.replyState === 'none') {
      exchange.send(head.head, this.#takePending());
    } else if (exchange.replyState === 'started') {
      // The program is gone: what is left, less than one piece, waits in the connection.
      if (this.#pendingBytes > 0) void exchange.write(this.#takePending());
      exchange.end();
    }
  }

  /** The body bytes among `bytes`. */
  #takeHead(bytes: Uint8Array): Uint8Array {
    const isFirst = (this.#opened?.byteLength ?? 0) === 0;
    const known = isFirst ? this.#options.known?.find(bytes) : undefined;
    if (known !== undefined) {
      this.#head = known.head;
      return bytes.subarray(known.length);
    }
    const block = this.#openBlock();
    const rest = block.push(bytes);
    if (this.#options.isPlainTextAllowed && block.isPlain) return this.#takePlain(block, rest);
    block.requireWithinLimits();
    if (!block.isComplete) return rest;
    if (!block.isAnnounced) throw explainPlain(block);
    this.#head = parseHead(block.lines);
    if (isFirst) {
      this.#options.known?.keep(bytes.subarray(0, bytes.length - rest.length), this.#head);
    }
    return rest;
  }

  #openBlock(): HeadBlock {
    this.#opened ??= new HeadBlock(this.#options.head);
    return this.#opened;
  }

  #takePlain(block: HeadBlock, rest: Uint8Array): Uint8Array {
    this.#head = { kind: 'reply', head: plainHead };
    this.#takeBody(block.bytes);
    return rest;
  }

  #endHead(): CgiHead {
    const block = this.#openBlock();
    if (this.#options.isPlainTextAllowed && !block.isAnnounced) {
      this.#takePlain(block, noBytes);
      return { kind: 'reply', head: plainHead };
    }
    if (!block.isAnnounced) throw explainPlain(block);
    throw badStart('no empty line');
  }

  #takeBody(bytes: Uint8Array): void {
    const { bodyBytesMax } = this.#options;
    this.#bodyBytes += bytes.length;
    if (this.#bodyBytes > bodyBytesMax) {
      const rule = `its body may have at most ${inBytes(bodyBytesMax)}`;
      throw new TerrafirmaError(
        'reply-too-large',
        `Cannot send the answer: ${rule}: received more`,
      );
    }
    // The answer is that of another path: a body beside it is nobody's.
    if (this.#head?.kind === 'inside') return;
    this.#pendingBytes += bytes.length;
    if (bytes.length < gatheredBelowBytes) {
      this.#makeRoom(bytes.length);
      this.#room.set(bytes, this.#roomEnd);
      this.#roomEnd += bytes.length;
      return;
    }
    this.#endGathered();
    this.#addPiece(bytes);
  }

  #addPiece(bytes: Uint8Array): void {
    if (this.#pieces === undefined) this.#pieces = [bytes];
    else this.#pieces.push(bytes);
  }

  /** For so many bytes behind what was gathered. */
  #makeRoom(bytes: number): void {
    if (this.#roomEnd + bytes <= this.#room.length) return;
    this.#endGathered();
    // The first lies beside those of other runs; more of them would keep the memory of many.
    const isFirst = this.#room.length === 0;
    this.#room = isFirst ? Buffer.allocUnsafe(firstRoomBytes) : Buffer.allocUnsafeSlow(roomBytes);
    this.#roomStart = 0;
    this.#roomEnd = 0;
  }

  /** What was gathered is a piece; what comes next is gathered behind it. */
  #endGathered(): void {
    if (this.#roomEnd === this.#roomStart) return;
    this.#addPiece(this.#room.subarray(this.#roomStart, this.#roomEnd));
    this.#roomStart = this.#roomEnd;
  }

  #takePending(): Uint8Array {
    this.#endGathered();
    const pieces = this.#pieces ?? noPieces;
    const [only] = pieces;
    const isOne = pieces.length === 1 && only !== undefined;
    const bytes = isOne ? only : Buffer.concat(pieces, this.#pendingBytes);
    this.#pieces = undefined;
    this.#pendingBytes = 0;
    return bytes;
  }
}

/** What came is no header block: what it begins with, which was meant for visitors to read. */
function explainPlain(block: HeadBlock): TerrafirmaError {
  if (block.byteLength === 0) return badStart('no output');
  const beginning = Buffer.from(block.bytes).toString('utf8');
  const advice = 'a program that writes a text alone needs cgi.text_plain = true';
  return badStart(`${quoteReceived(beginning)}; ${advice} in terrafirma.toml`);
}

function badStart(received: string): TerrafirmaError {
  return new TerrafirmaError(
    'bad-reply',
    'Cannot read the answer: it must begin with a header block, such as "Content-Type: ' +
      `text/plain", and an empty line: received ${received}`,
  );
}
