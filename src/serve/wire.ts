/** What an exchange needs of the connection below it: HTTP/1.1 and HTTP/2 differ only here. */
import type { ConnectionFacts } from '../http/connection-facts.ts';
import type { Header } from '../http/message.ts';
import type { BodySource } from './body-reader.ts';

/** Who is told what becomes of an answer. */
export interface WireListener {
  /** The client has taken what was written: there is room for more. */
  wireDrained(): void;
  /** The wire is closed, whether or not the answer has left. Told once. */
  wireClosed(): void;
}

export interface Wire {
  /** To be set before anything is sent. */
  listener: WireListener | undefined;
  readonly body: BodySource;
  /** What is read of the body is the reader's alone, and may be let go. */
  readonly givesBodyAway: boolean;
  readonly hasBody: boolean;
  /** Names and values in turn of the fields after the body; none before its end. */
  readonly rawTrailers: readonly string[];
  /** As declared by the client; 0 when it did not say. */
  readonly declaredBytes: number;
  /** Whether all of the request has arrived. */
  readonly isReceived: boolean;
  /** Whether all of the answer has been handed to the system. */
  readonly isFinished: boolean;
  /** `clientAddress`: the visitor's, which may stand behind a proxy. */
  factsFor(clientAddress: string): ConnectionFacts;
  /** The client waits for a word before it sends the body (RFC 9110, section 10.1.1). */
  sendContinue(): void;
  /** An interim answer, before the head; false where the client's HTTP knows none. */
  sendInterim(status: number, headers: string[]): boolean;
  /** See `Exchange.lendRoom`; left out: there is none. */
  lendRoom?(bytes: number): Uint8Array | undefined;
  /** Head and body, or none, in as few writes as possible. `headers`: names and values in turn. */
  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void;
  /** `mayTrail`: `end` may bring fields. */
  sendHead(status: number, headers: string[], mayTrail?: boolean): void;
  /** The head need not wait for the first piece any more. */
  flushHead(): void;
  /** False when the client should take some before there is more. */
  write(chunk: Uint8Array): boolean;
  /** Bytes of a piece for a client that takes them at once. Left out: `pieceBytes`. */
  readonly pieceBytesMax?: number;
  /**
   * Whether nobody looks any more at what was written, so that its place may be used again. Left
   * out: somebody may.
   */
  readonly isTaken?: boolean;
  /** With fields after the body, where the client's HTTP has a place for them. */
  end(trailers?: readonly Header[]): void;
  /**
   * The answer has been handed over, but somebody may still read the body; only while it is not
   * all received. `leaveBody` must follow.
   */
  keepBody(): void;
  /** The answer has been handed over, and nobody wants what is still to come of the body. */
  leaveBody(): void;
  /** It is closed: nothing of it is limited any more. To be called when that is told. */
  closed(): void;
  /** Breaks off. */
  destroy(): void;
}
