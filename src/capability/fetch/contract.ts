/** Outbound HTTP as a guest's ABI sees it. */
import type { ReadBody } from '../../http/body.ts';
import type { LateReply } from '../../http/late-reply.ts';
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
  readonly connectMs?: number | undefined;
  readonly firstByteMs?: number | undefined;
  readonly betweenBytesMs?: number | undefined;
  /** A reply that is coded by gzip is given without it, and without what told of it. */
  readonly decodesGzip?: boolean | undefined;
}

/** For a body there is no room before the connection has another protocol. */
export interface TunnelRequest extends OutboundRequest {
  readonly body: Uint8Array;
  /** The protocol to go on with, such as `websocket`. */
  readonly protocol: string;
}

export interface ReplyStart {
  readonly status: number;
  /** Lower-case names, hop-by-hop headers removed, in order of arrival. */
  readonly headers: readonly Header[];
  /** Who has answered; left out where no connection was needed, or that is not known. */
  readonly server?: ServerAddress | undefined;
}

/** Of 4 or 16 octets. */
export interface ServerAddress {
  readonly octets: Uint8Array;
  readonly port: number;
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
  /**
   * As `open`, for a request that wants to go on with another protocol. Where the server agrees the
   * reply has a connection in place of a body. `signal` holds for as long as there is no reply.
   */
  openTunnel(request: TunnelRequest, signal: AbortSignal): Promise<LateReply>;
  readonly backends: Backends;
  /** What was the matter, of whatever these have rejected with. */
  faultOf(error: unknown): FetchFault;
}

/** The types of errors of RFC 9209, section 2.3, and two of our own: a bad status, and HTTP/2's. */
export type FetchFaultType =
  | 'dns_timeout'
  | 'dns_error'
  | 'destination_not_found'
  | 'destination_unavailable'
  | 'destination_ip_prohibited'
  | 'destination_ip_unroutable'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'connection_limit_reached'
  | 'tls_certificate_error'
  | 'tls_configuration_error'
  | 'tls_alert_received'
  | 'tls_protocol_error'
  | 'http_request_uri_invalid'
  | 'http_response_incomplete'
  | 'http_response_header_section_size'
  | 'http_response_body_size'
  | 'http_response_timeout'
  | 'http_response_status_invalid'
  | 'http_upgrade_failed'
  | 'http_protocol_error'
  | 'proxy_internal_error'
  | 'h2_error';

export interface FetchFault {
  readonly type: FetchFaultType;
  /** What the DNS servers answered (RFC 1035, section 4.1.1). */
  readonly dnsRcode?: number;
  /** Number of the alert (RFC 8446, section 6). */
  readonly tlsAlert?: number;
  /** Type of the frame that ended it and the code in it (RFC 9113, sections 6 and 7). */
  readonly http2?: { readonly frame: number; readonly code: number };
}

/** Servers that the guest knows by a name: what the folder defines and grants, and its own. */
export interface Backends {
  find(name: string): Backend | undefined;
  /** Of all that can be found. */
  names(): Iterable<string>;
  /** Whether the guest has added it itself. */
  isAdded(name: string): boolean;
  /** `unknown` also where nobody asks. */
  healthOf(name: string): BackendHealth;
  /** What holds for a request to it, the operator's limits included. */
  timesOf(backend: Backend): BackendTimes;
  /**
   * Adds one for this run.
   *
   * @throws CapabilityRefusal `input`: the name is taken; `forbidden`: the grant does not have its
   *   address; `limit`: there are as many as there may be.
   */
  add(name: string, backend: Backend): void;
}

/** In milliseconds. */
export interface BackendTimes {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly betweenBytesMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
}

export type BackendHealth = 'unknown' | 'healthy' | 'unhealthy';

/** Times in milliseconds; what is left out is the operator's, or the usual. */
export interface Backend {
  readonly address: {
    readonly isTls: boolean;
    /** As URLs have it. */
    readonly host: string;
    readonly port: number;
    /** Stands before the path of each request, without a slash at its end; left out for none. */
    readonly path?: string | undefined;
  };
  /** The Host header, whatever the request says. */
  readonly host?: string | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly firstByteTimeoutMs?: number | undefined;
  readonly betweenBytesTimeoutMs?: number | undefined;
  readonly tlsMin?: TlsVersion | undefined;
  readonly tlsMax?: TlsVersion | undefined;
  /** The server name of the handshake; empty: none is sent. */
  readonly sni?: string | undefined;
  readonly certificateHost?: string | undefined;
  /** PEM, in place of the usual authorities. */
  readonly ca?: string | undefined;
  readonly ciphers?: string | undefined;
  /** PEM, and its key. */
  readonly clientCertificate?: string | undefined;
  readonly clientKeyPem?: string | undefined;
  /** How long an idle connection is kept. */
  readonly keepAliveMs?: number | undefined;
  /** Whether TCP asks at times if the server is still there, and how. */
  readonly tcpKeepAlive?: boolean | undefined;
  readonly tcpKeepAliveIdleMs?: number | undefined;
  readonly tcpKeepAliveIntervalMs?: number | undefined;
  readonly tcpKeepAliveProbes?: number | undefined;
  readonly connectionsMax?: number | undefined;
  readonly usesMax?: number | undefined;
  readonly lifetimeMs?: number | undefined;
  readonly preferIpv4?: boolean | undefined;
  /** HTTP/2, also without TLS. */
  readonly grpc?: boolean | undefined;
  readonly health?: HealthCheck | undefined;
  /** What is said of it where nobody asks. */
  readonly statedHealth?: BackendHealth | undefined;
}

export type TlsVersion = '1.0' | '1.1' | '1.2' | '1.3';

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
