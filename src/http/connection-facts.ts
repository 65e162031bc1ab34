/**
 * What is known of the connection that a request came on, beside the request itself. Worked out
 * when it is asked for: a request that nobody asks about pays nothing. Pure.
 */

export interface ConnectionFacts {
  /** The address and port that were connected to; empty and 0 when the connection has gone. */
  readonly serverAddress: string;
  readonly serverPort: number;
  /** The names of the headers as they came: in their order and case, each time, none left out. */
  readonly headerNames: readonly string[];
  /**
   * Undefined for plain HTTP, and where a trusted proxy has the visitor's handshake: its own says
   * nothing of the visitor.
   */
  readonly tls: TlsFacts | undefined;
  /**
   * How the client began its HTTP/2 connection, as in "Passive Fingerprinting of HTTP/2 Clients"
   * (Akamai, 2017): `SETTINGS|WINDOW_UPDATE|PRIORITY|order of pseudo-headers`. Undefined for
   * HTTP/1.1, for a proxy's connection, and where the frames did not come together with the first
   * request: only then is it known what came before it.
   */
  readonly http2Fingerprint: string | undefined;
}

export interface TlsFacts {
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher as OpenSSL calls it. */
  readonly cipher: string;
  /** Undefined when the client named nobody. */
  readonly serverName: string | undefined;
  /**
   * The first ClientHello as a handshake message (RFC 8446, section 4): its type, its length in
   * three bytes, its body. Undefined when it was too long to be kept, and then there is no
   * fingerprint either.
   */
  readonly clientHello: Uint8Array | undefined;
  /** MD5 over the JA3 text: 16 bytes. */
  readonly ja3: Uint8Array | undefined;
  readonly ja4: string | undefined;
}

/** Of a request that came on no connection: the daemon asks itself. */
export const noConnection: ConnectionFacts = {
  serverAddress: '127.0.0.1',
  serverPort: 0,
  headerNames: [],
  tls: undefined,
  http2Fingerprint: undefined,
};
