/** One connection of a pool, which knows to whom it leads. Edge: undici. */
import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { parseAddress } from '../networks.ts';
import type { ServerAddress } from './contract.ts';
import { ServerExchange } from './exchange.ts';

export interface PoolClientOptions extends Client.Options {
  readonly connect: buildConnector.connector;
}

/** Whom a connection leads to: it may be opened anew, to another address of the same name. */
export interface Line {
  server: ServerAddress | undefined;
}

export class PoolClient extends Client {
  readonly #line: Line;

  constructor(origin: URL, options: PoolClientOptions) {
    const line: Line = { server: undefined };
    const connect: buildConnector.connector = (target, callback) => {
      options.connect(target, (...[error, socket]) => {
        line.server = socket === null ? undefined : serverOf(socket);
        if (error === null) callback(null, socket);
        else callback(error, null);
      });
    };
    super(origin, { ...options, connect });
    this.#line = line;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (handler instanceof ServerExchange) handler.goesBy(this.#line);
    return super.dispatch(options, handler);
  }
}

/** Undefined of a socket that has no other end any more. */
export function serverOf({ remoteAddress = '', remotePort }: Socket): ServerAddress | undefined {
  const octets = parseAddress(remoteAddress);
  return octets === undefined || remotePort === undefined
    ? undefined
    : { octets, port: remotePort };
}
