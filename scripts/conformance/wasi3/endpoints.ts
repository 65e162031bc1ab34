/** Servers that the suite's services send requests to. Edge: sockets on loopback. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Endpoint, ServerSpec } from './specification.ts';

export class Endpoints implements AsyncDisposable {
  readonly #servers: Server[] = [];
  /** Variables of the environment that say where they are. */
  readonly environment: Record<string, string> = {};

  static async start(specs: readonly ServerSpec[]): Promise<Endpoints> {
    const endpoints = new Endpoints();
    for (const spec of specs) await endpoints.#start(spec);
    return endpoints;
  }

  async #start({ name, kind, endpoints = [] }: ServerSpec): Promise<void> {
    const server = createServer((request, response) => {
      answer(request, response, endpoints).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : undefined);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    this.environment[`HTTP_SERVER_${name.toUpperCase()}`] = `127.0.0.1:${port}`;
    if (kind !== 'closed') {
      this.#servers.push(server);
      return;
    }
    server.close();
    await once(server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  response.setHeader('connection', 'close');
  const { method, url } = request;
  const found = endpoints.find((each) => each.method === method && each.path === url);
  if (found === undefined) {
    response.writeHead(404).end();
  } else if (found.mode === 'echo-body') {
    response.end(Buffer.concat(pieces));
  } else if (found.mode === 'echo-headers') {
    response.writeHead(200, echoOf(request)).end();
  } else give(response, found.response ?? { status: 200 });
}

/** All that was received, as fields of the answer. */
function echoOf(request: IncomingMessage): string[] {
  const { method = '', url = '', rawHeaders, rawTrailers } = request;
  const echoed = ['x-request-method', method, 'x-request-path', url];
  const add = (prefix: string, raw: readonly string[]): void => {
    for (let at = 0; at < raw.length; at += 2) {
      echoed.push(`${prefix}${raw[at]?.toLowerCase()}`, raw[at + 1] ?? '');
    }
  };
  add('x-echo-', rawHeaders);
  add('x-trailer-', rawTrailers);
  return echoed;
}

function give(response: ServerResponse, given: NonNullable<Endpoint['response']>): void {
  const { status, headers = {}, body = '', chunks, trailers = {} } = given;
  if (chunks === undefined) {
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
    return;
  }
  const names = Object.keys(trailers);
  response.writeHead(status, {
    ...headers,
    'transfer-encoding': 'chunked',
    ...(names.length === 0 ? {} : { trailer: names.join(', ') }),
  });
  for (const chunk of chunks) response.write(chunk);
  response.addTrailers(trailers);
  response.end();
}
