/** A request and a response as guests hold them: heads that can be written. */
import type { ServerAddress } from '../../capability/fetch/contract.ts';
import { type HeaderLimits, HeaderMap } from './headers.ts';

/** As guests name versions; what is sent has the version of its connection. */
export type MessageVersion = '0.9' | '1.0' | '1.1' | '2' | '3';

/** What of the connection the guest wants for a message. */
export type Framing = 'automatic' | 'by-headers';

/** What the object itself counts for includes a method and a URL of so many bytes. */
const ownLineBytes = 256;

export class RequestObject {
  method: string;
  /** Absolute where it is to be sent to a server by its name. */
  url: string;
  version: MessageVersion = '1.1';
  framing: Framing = 'automatic';
  /** Whether a reply that is coded by gzip is to come without it. */
  decodesGzip = false;
  readonly headers: HeaderMap;

  constructor(start: {
    readonly method: string;
    readonly url: string;
    readonly headers: HeaderMap;
    readonly version?: MessageVersion;
  }) {
    this.method = start.method;
    this.url = start.url;
    this.headers = start.headers;
    this.version = start.version ?? '1.1';
  }

  /** What it counts for in memory, where its URL is longer than most. */
  get heldBytes(): number {
    const lineBytes = this.method.length + this.url.length;
    return this.headers.heldBytes + Math.max(0, lineBytes - ownLineBytes);
  }

  static blank(limits: HeaderLimits): RequestObject {
    return new RequestObject({ method: 'GET', url: '/', headers: new HeaderMap(limits) });
  }
}

export class ResponseObject {
  /** 100 to 999. */
  status: number;
  version: MessageVersion = '1.1';
  framing: Framing = 'automatic';
  /** Whether no other request should come on the connection. */
  endsConnection = false;
  readonly headers: HeaderMap;
  /** Of one that came from a server. */
  readonly server: ServerAddress | undefined;

  constructor(start: {
    readonly status: number;
    readonly headers: HeaderMap;
    readonly server?: ServerAddress | undefined;
  }) {
    this.status = start.status;
    this.headers = start.headers;
    this.server = start.server;
  }

  static blank(limits: HeaderLimits): ResponseObject {
    return new ResponseObject({ status: 200, headers: new HeaderMap(limits) });
  }
}
