/** The heads of HTTP messages, as every room and every ABI knows them. Pure. */

/** A header as it stood on the wire: lower-case name, value without line ends. */
export type Header = readonly [name: string, value: string];

/** The head of the visitor's request, parsed and bounded at the door. */
export interface RequestHead {
  /** The request id that is also in the log and in `x-request-id`. */
  readonly id: string;
  readonly method: string;
  /** Path and query exactly as received; begins with `/`. */
  readonly target: string;
  /** The decoded path up to and including the module's name, e.g. `/dir/hello.wasm`. */
  readonly scriptName: string;
  /** The decoded rest of the path after the module's name; empty or begins with `/`. */
  readonly pathInfo: string;
  /** The query as received, without `?`. */
  readonly query: string;
  readonly scheme: 'http' | 'https';
  /** Host and port as the visitor named them; empty when an HTTP/1.0 request had none. */
  readonly authority: string;
  readonly httpVersion: string;
  /** In order of arrival, duplicates kept. Hop-by-hop headers are already gone. */
  readonly headers: readonly Header[];
  readonly clientAddress: string;
  readonly clientPort: number;
}

/** The head of an answer. */
export interface ReplyHead {
  readonly status: number;
  readonly headers: readonly Header[];
}
