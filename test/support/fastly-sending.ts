/** The puppet of Fastly Compute with real outbound HTTP, and a server on loopback to send to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach } from 'vitest';
import type { Lookup } from '../../src/capability/fetch/connect.ts';
import type { Backend } from '../../src/capability/fetch/contract.ts';
import { OutboundHttp } from '../../src/capability/fetch/fetch.ts';
import type { FetchGrant } from '../../src/capability/fetch/grant.ts';
import { Visits } from '../../src/capability/fetch/visits.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { FolderKey } from '../../src/names.ts';
import { World } from './abi-world.ts';
import {
  createFastlyPuppet,
  type FastlyPuppet,
  type FastlyPuppetOptions,
} from './fastly-puppet.ts';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export const REQ = 'fastly_http_req';
/** Where the host writes what comes of a request: no other room of the puppet lies there. */
export const RESPONSE = 30_000;
export const BODY = 30_004;
export const DONE = 30_008;
export const DETAIL = 30_016;

export const LIST = 31_000;

const noLookup: Lookup = () => Promise.reject(new Error('no name is asked for here'));

export interface SendingOptions extends FastlyPuppetOptions {
  /** Beside `origin`, which is the server. */
  readonly backends?: Readonly<Record<string, Backend>>;
  readonly outbound?: FetchGrant['outbound'];
  /** For names; left out: none can be looked up. */
  readonly lookup?: Lookup;
}

/** Call it once, at the top of a test file. */
export function useSending(): SendingBench {
  const bench = new SendingBench();
  beforeEach(() => bench.start());
  afterEach(() => bench.stop());
  return bench;
}

export class SendingBench {
  answer: Answer = (_request, response) => response.end();
  readonly seen: IncomingMessage[] = [];
  #server: Server | undefined;
  readonly #opened: OutboundHttp[] = [];

  async start(): Promise<void> {
    this.answer = (_request, response) => response.end();
    this.seen.length = 0;
    const server = createServer((request, response) => {
      this.seen.push(request);
      this.answer(request, response);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((outbound) => outbound.close()));
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('not listening');
    return this.#server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The server as a back-end. */
  backend(more: Partial<Backend> = {}): Backend {
    return { address: { isTls: false, host: '127.0.0.1', port: this.port }, ...more };
  }

  async puppet(options: SendingOptions = {}): Promise<FastlyPuppet> {
    const { backends = {}, lookup = noLookup, outbound: rules, ...others } = options;
    const outbound = new OutboundHttp({
      limits: { ...defaultLimits, ...options.limits },
      isClosed: () => false,
      visits: new Visits({ key: new Uint8Array(32), runsPerVisitMax: 9 }),
      allowedCidrs: ['127.0.0.0/8'],
      lookupOf: () => lookup,
    });
    this.#opened.push(outbound);
    const all = Object.entries({ origin: this.backend(), ...backends });
    const fetch = outbound.forRun({
      folderKey: '/keybase/public/alice' as FolderKey,
      loopHops: 0,
      grant: { outbound: rules, backends: new Map(all) },
    });
    return createFastlyPuppet({ ...others, world: Object.assign(new World(), { fetch }) });
  }
}

/** Writes handles to where lists of them stand; the list. */
export function handleList(
  puppet: FastlyPuppet,
  handles: readonly number[],
): readonly [ptr: number, count: number] {
  for (const [index, handle] of handles.entries()) {
    puppet.bytes.writeUInt32LE(handle, LIST + index * 4);
  }
  return [LIST, handles.length];
}

/** A request of that kind, ready to be sent. */
export async function makeRequest(
  puppet: FastlyPuppet,
  uri = 'https://shop.example/cart',
  more: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<number> {
  const request = await puppet.number(`${REQ}.new`);
  await ok(puppet.call(`${REQ}.uri_set`, request, uri));
  if (more.method !== undefined) await ok(puppet.call(`${REQ}.method_set`, request, more.method));
  for (const [name, value] of Object.entries(more.headers ?? {})) {
    await ok(puppet.call(`${REQ}.header_insert`, request, name, value));
  }
  return request;
}

export async function ok(calling: Promise<number>): Promise<void> {
  const status = await calling;
  if (status !== 0) throw new Error(`status ${status}`);
}

/** What the host has put at RESPONSE and BODY. */
export async function replyOf(
  puppet: FastlyPuppet,
): Promise<{ readonly status: number; readonly text: string }> {
  const [response, body] = [puppet.u32(RESPONSE), puppet.u32(BODY)];
  await ok(puppet.call('fastly_http_resp.status_get', response, 30_100));
  const status = puppet.bytes.readUInt16LE(30_100);
  let text = '';
  for (let piece = await puppet.read(body); piece !== ''; piece = await puppet.read(body)) {
    text += piece;
  }
  return { status, text };
}

/** Echoes method, path, Host and body. */
export const echo: Answer = (request, response) => {
  let body = '';
  request.on('data', (piece: Buffer) => {
    body += piece.toString('latin1');
  });
  request.on('end', () => {
    response.setHeader('x-seen', `${request.method} ${request.url} ${request.headers.host}`);
    response.end(body);
  });
};
