/** What is known of a connection, from its socket and what was kept of its beginning. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ConnectionFacts, TlsFacts } from '../http/connection-facts.ts';
import { http2Fingerprint } from './http2/opening.ts';
import { plainAddress } from './plain-address.ts';
import { ja3, ja4 } from './tls/fingerprints.ts';
import type { KeptHellos } from './tls/kept-hellos.ts';

export interface ConnectionSources {
  readonly socket: Socket;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** As the request says; another one than the socket's when a proxy named it. */
  readonly clientAddress: string;
  readonly hellos: KeptHellos;
  /** See `Http2Request.opening`. */
  readonly opening?: Uint8Array | undefined;
}

export class SocketFacts implements ConnectionFacts {
  readonly #sources: ConnectionSources;

  constructor(sources: ConnectionSources) {
    this.#sources = sources;
  }

  get serverAddress(): string {
    return plainAddress(this.#sources.socket.localAddress);
  }

  get serverPort(): number {
    return this.#sources.socket.localPort ?? 0;
  }

  get headerNames(): readonly string[] {
    const { rawHeaders } = this.#sources;
    return rawHeaders.filter((text, at) => at % 2 === 0 && !text.startsWith(':'));
  }

  get tls(): TlsFacts | undefined {
    const { socket, hellos } = this.#sources;
    if (!(socket instanceof TLSSocket) || !this.#isVisitors) return undefined;
    return new SocketTlsFacts(socket, hellos.of(socket));
  }

  get http2Fingerprint(): string | undefined {
    const { opening, rawHeaders } = this.#sources;
    if (opening === undefined || !this.#isVisitors) return undefined;
    return http2Fingerprint(opening, rawHeaders);
  }

  /** Not so on the connection of a trusted proxy that named the visitor's address. */
  get #isVisitors(): boolean {
    const { clientAddress, socket } = this.#sources;
    return plainAddress(socket.remoteAddress) === clientAddress;
  }
}

class SocketTlsFacts implements TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  readonly serverName: string | undefined;
  readonly clientHello: Uint8Array | undefined;

  constructor(socket: TLSSocket, clientHello: Uint8Array | undefined) {
    const { servername } = socket as { servername?: string | false };
    this.protocol = socket.getProtocol() ?? '';
    this.cipher = socket.getCipher()?.name ?? '';
    this.serverName = typeof servername === 'string' ? servername : undefined;
    this.clientHello = clientHello;
  }

  get ja3(): Uint8Array | undefined {
    return this.#read(ja3);
  }

  get ja4(): string | undefined {
    return this.#read(ja4);
  }

  /** OpenSSL looks into no extension that it does not need: one may hold anything. */
  #read<T>(read: (message: Uint8Array) => T): T | undefined {
    if (this.clientHello === undefined) return undefined;
    try {
      return read(this.clientHello);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
}
