/** Outbound HTTP as a guest's ABI sees it. */
import type { ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';

export interface OutboundRequest {
  readonly method: string;
  /** Absolute. With a back-end only its path and query say where the request goes. */
  readonly url: string;
  readonly headers: readonly Header[];
  /** All of it; or its pieces as they come, which are cancelled where they are not wanted. */
  readonly body: Uint8Array | ReadBody;
  /** The back-end that gets it; see `Backends`. Left out: the server that the URL names. */
  readonly backend?: string;
  /** What becomes of a redirect. Left out: `follow`, and `give` with a back-end. */
  readonly redirects?: 'follow' | 'give';
  /** Within the operator's limit, which holds where they are left out. In milliseconds. */
  readonly firstByteMs?: number | undefined;
  readonly betweenBytesMs?: number | undefined;
}

export interface ReplyStart {
  readonly status: number;
  /** Lower-case names, hop-by-hop headers removed, in order of arrival. */
  readonly headers: readonly Header[];
}

export interface OutboundReply extends ReplyStart {
  readonly body: Uint8Array;
}

export interface ReplyBody extends ReadBody {
  /** Fields after the body; none before its end. */
  readonly trailers: readonly Header[];
}

export interface StreamedReply extends ReplyStart {
  /** Pieces as they arrive; whoever got the reply reads it to its end or cancels it. */
  readonly body: ReplyBody;
}

/**
 * Outbound HTTP. Any HTTP status is a success. Both ways reject with an Error whose message may be
 * shown to the guest's owner: refused address, limit, time-out, bad URL, connection failure.
 */
export interface Fetch {
  /** The whole reply. `signal` gives the request up. */
  send(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply>;
  /**
   * The reply as soon as its head is there, also while the request's body is still being sent.
   * `signal` gives up the request and what is still to come of the reply.
   */
  open(request: OutboundRequest, signal: AbortSignal): Promise<StreamedReply>;
  readonly backends: Backends;
}

/** Servers that the guest knows by a name: what the folder defines and grants, and its own. */
export interface Backends {
  find(name: string): Backend | undefined;
  /** Whether the guest has added it itself. */
  isAdded(name: string): boolean;
  /** `unknown` also where nobody asks. */
  healthOf(name: string): BackendHealth;
  /**
   * Adds one for this run.
   *
   * @throws CapabilityRefusal `input`: the name is taken; `forbidden`: the grant does not have its
   *   address; `limit`: there are as many as there may be.
   */
  add(name: string, backend: Backend): void;
}

export type BackendHealth = 'unknown' | 'healthy' | 'unhealthy';

/** Times in milliseconds; what is left out is the operator's, or the usual. */
export interface Backend {
  readonly address: {
    readonly isTls: boolean;
    /** As URLs have it. */
    readonly host: string;
    readonly port: number;
  };
  /** The Host header, whatever the request says. */
  readonly host?: string | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly firstByteTimeoutMs?: number | undefined;
  readonly betweenBytesTimeoutMs?: number | undefined;
  readonly tlsMin?: '1.2' | '1.3' | undefined;
  readonly tlsMax?: '1.2' | '1.3' | undefined;
  /** The server name of the handshake; empty: none is sent. */
  readonly sni?: string | undefined;
  readonly certificateHost?: string | undefined;
  /** PEM, in place of the usual authorities. */
  readonly ca?: string | undefined;
  readonly ciphers?: string | undefined;
  /** PEM, and its key. */
  readonly clientCertificate?: string | undefined;
  readonly clientKeyPem?: string | undefined;
  readonly keepAliveMs?: number | undefined;
  readonly connectionsMax?: number | undefined;
  readonly usesMax?: number | undefined;
  readonly lifetimeMs?: number | undefined;
  readonly preferIpv4?: boolean | undefined;
  /** HTTP/2, over TLS. */
  readonly grpc?: boolean | undefined;
  readonly health?: HealthCheck | undefined;
}

export interface HealthCheck {
  readonly path?: string | undefined;
  readonly method?: string | undefined;
  readonly host?: string | undefined;
  readonly intervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly expectedStatus?: number | undefined;
  readonly window?: number | undefined;
  readonly threshold?: number | undefined;
  readonly initial?: number | undefined;
}
