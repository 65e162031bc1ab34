/** What every request is at the door, whatever its wire: an id, a visitor, a head that was read. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Limits } from '../config/config.ts';
import {
  type HeadLimits,
  type RawHead,
  type ReadHead,
  readRequestHead,
} from '../http/request-head.ts';
import { plainAddress } from './plain-address.ts';
import type { TrustedProxies, Visitor } from './road/client-address.ts';
import { HostNames } from './road/host-names.ts';
import { checkServerName } from './tls/server-name.ts';

export interface ArrivalsOptions {
  readonly limits: Limits;
  /** Undefined: no proxy is trusted. */
  readonly proxies: TrustedProxies | undefined;
}

/** Where a request comes from. */
export interface Arrival {
  readonly id: string;
  readonly socket: Socket;
  readonly visitor: Visitor;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #forwardedLimits: HeadLimits;
  readonly #hostNames = new HostNames();
  /** Random start, then a count: unique without asking the system's generator every time. */
  readonly #idPrefix = randomBytes(6).toString('hex');
  #nextId = 0;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#forwardedLimits = { ...options.limits, keepsForwarded: true };
  }

  newId(): string {
    this.#nextId += 1;
    return `${this.#idPrefix}-${this.#nextId.toString(36)}`;
  }

  /** The last id was for nobody: the next request has it. */
  takeBackId(): void {
    this.#nextId -= 1;
  }

  /** @param peer Who is at the other end of the connection, where that is known already. */
  visitorOf(socket: Socket, rawHeaders: readonly string[], peer = peerOf(socket)): Visitor {
    const { proxies } = this.#options;
    if (proxies === undefined || proxies.isEmpty) return peer;
    const { clientAddress: address, scheme } = peer;
    return proxies.visitorOf({ address, scheme, rawHeaders });
  }

  /** @throws TerrafirmaError as `readRequestHead` and `checkServerName` do. */
  read(raw: RawHead, { id, socket, visitor }: Arrival): ReadHead {
    const { clientAddress, scheme, isForwarded } = visitor;
    const head = readRequestHead(
      raw,
      { id, scheme, clientAddress, clientPort: socket.remotePort ?? 0 },
      isForwarded ? this.#forwardedLimits : this.#options.limits,
      this.#hostNames,
    );
    // A proxy names itself in its handshake and the visitor's host in the request.
    if (!isForwarded && socket instanceof TLSSocket) {
      checkServerName(head, socket, this.#hostNames);
    }
    return head;
  }
}

/** The other end of a connection, as a visitor. */
export function peerOf(socket: Socket): Visitor {
  const scheme = socket instanceof TLSSocket ? 'https' : 'http';
  return { clientAddress: plainAddress(socket.remoteAddress), scheme, isForwarded: false };
}
