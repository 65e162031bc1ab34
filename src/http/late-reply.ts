/** An answer that comes from elsewhere, perhaps long after somebody has sent for it. Pure. */
import type { ReadBody } from './body.ts';
import type { ReplyHead } from './message.ts';

/**
 * A connection that has left HTTP, to be used by both sides as they like. Only those who hold
 * sockets know it better: to all others it is something that somebody must take, or end.
 */
export interface LeftConnection {
  destroy(): unknown;
}

export interface LateReply {
  readonly head: ReplyHead;
  /** With status 101 the connection to who answered. */
  readonly body: ReadBody | LeftConnection;
}

export function isConnection(body: ReadBody | LeftConnection): body is LeftConnection {
  return 'destroy' in body;
}
