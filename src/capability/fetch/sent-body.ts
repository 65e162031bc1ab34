/** The body of a guest's request on its way out. Edge: types of undici. */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { noBytes, PassedBody, type ReadBody } from '../../http/body.ts';

/** What the HTTP client takes. */
export type SentBody = NonNullable<Dispatcher.DispatchOptions['body']> | null;

export function isStreamed(body: Uint8Array | ReadBody): body is ReadBody {
  return !(body instanceof Uint8Array);
}

/** Nobody knows how long it will be: it is sent in chunks, and may have trailers behind it. */
export function isChunked(body: Uint8Array | ReadBody): body is ReadBody {
  return isStreamed(body) && body.knownBytes === undefined;
}

/** A streamed body that is known to be empty is none. */
export function withoutEmptyStream(body: Uint8Array | ReadBody): Uint8Array | ReadBody {
  if (!isStreamed(body) || body.knownBytes !== 0) return body;
  body.cancel();
  return noBytes;
}

/** The same body; `onPiece` hears of each piece that was asked for. */
export function watchPieces(body: ReadBody, onPiece: () => void): ReadBody {
  return new WatchedBody(body, onPiece);
}

class WatchedBody extends PassedBody {
  readonly #onPiece: () => void;

  constructor(body: ReadBody, onPiece: () => void) {
    super(body, { knownBytes: body.knownBytes });
    this.#onPiece = onPiece;
  }

  override read(): Promise<Uint8Array | undefined> {
    this.#onPiece();
    return super.read();
  }
}

/** Null: none. Pieces are asked for one by one, as the connection takes them. */
export function toSentBody(body: Uint8Array | ReadBody): SentBody {
  // The client takes any asynchronous iterable, which its types do not say.
  if (isStreamed(body)) return piecesOf(body) as AsyncIterable<Uint8Array> as unknown as Readable;
  return body.byteLength === 0 ? null : body;
}

async function* piecesOf(body: ReadBody): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const piece = await body.read();
      if (piece === undefined) return;
      yield piece;
    }
  } finally {
    // The connection broke, or the reply was there first.
    body.cancel();
  }
}
