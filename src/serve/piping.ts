/**
 * A body on its way from one connection to another: a piece is fetched when the one before it has
 * been taken, so that each side holds up the other and nothing gathers here.
 */
import { TerrafirmaError } from '../errors.ts';
import type { ReadBody } from '../http/body.ts';

export interface PipeTarget {
  /** A promise where there should be no more until it resolves. */
  readonly write: (piece: Uint8Array) => Promise<void> | undefined;
  /** Nobody takes any more. */
  readonly isOver: () => boolean;
  /** How long a piece may take to come, in milliseconds. */
  readonly pieceMs: number;
}

/**
 * Passes all of `body` on; the rest is given up when nobody takes it.
 *
 * @throws whatever breaks the body off, or TerrafirmaError `bad-reply` when no piece came in time.
 */
export async function pipe(body: ReadBody, target: PipeTarget): Promise<void> {
  try {
    while (!target.isOver()) {
      const piece = await readInTime(body, target.pieceMs);
      if (piece === undefined) return;
      if (!target.isOver()) await target.write(piece);
    }
  } finally {
    body.cancel();
  }
}

function readInTime(body: ReadBody, pieceMs: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(stalled(pieceMs)), pieceMs);
    const settle = <T>(outcome: (value: T) => void, value: T): void => {
      clearTimeout(timer);
      outcome(value);
    };
    body.read().then(
      (piece) => settle(resolve, piece),
      (error: unknown) => settle(reject, error),
    );
  });
}

function stalled(pieceMs: number): TerrafirmaError {
  return new TerrafirmaError(
    'bad-reply',
    `Cannot send the answer: its body may pause for ${pieceMs} ms: received nothing for longer`,
  );
}
