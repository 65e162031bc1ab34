/** Outbound HTTP as a guest's ABI sees it. */
import type { Header } from '../../http/message.ts';

export interface OutboundRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

export interface OutboundReply {
  readonly status: number;
  /** Lower-case names, hop-by-hop headers removed, in order of arrival. */
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

/** Outbound HTTP. */
export interface Fetch {
  /**
   * Sends one request, following redirects. Any HTTP status is a success. Rejects with an Error
   * whose message may be shown to the guest's owner: refused address, limit, time-out, bad URL,
   * connection failure. `signal` gives the request up.
   */
  send(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply>;
}
