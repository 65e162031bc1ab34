/** Outbound HTTP against a loopback server whose paths misbehave in one way each. */

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect } from 'vitest';
import type {
  Fetch,
  OutboundReply,
  OutboundRequest,
  StreamedReply,
} from '../../src/capability/fetch/contract.ts';
import { OutboundHttp, type OutboundOptions } from '../../src/capability/fetch/fetch.ts';
import { wholeFetchGrant } from '../../src/capability/fetch/grant.ts';
import { Visits } from '../../src/capability/fetch/visits.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import type { ReadBody } from '../../src/http/body.ts';
import type { Header } from '../../src/http/message.ts';
import type { FolderKey } from '../../src/names.ts';
import { LoopbackServer, type SeenRequest } from './loopback-server.ts';

export const folderKey = '/keybase/public/alice' as FolderKey;
const never = new AbortController().signal;

export interface Sending {
  readonly method?: string;
  readonly headers?: readonly Header[];
  readonly body?: string | Uint8Array | ReadBody;
  readonly signal?: AbortSignal;
  readonly backend?: string;
  readonly redirects?: 'follow' | 'give';
}

/** A server and the clients opened by one test. Call it once, at the top of a test file. */
export function useOutbound(): OutboundBench {
  const bench = new OutboundBench();
  beforeEach(() => bench.start());
  afterEach(() => bench.stop());
  return bench;
}

export class OutboundBench {
  server = new LoopbackServer(answer);
  readonly #opened: OutboundHttp[] = [];

  async start(): Promise<void> {
    this.server = new LoopbackServer(answer);
    await this.server.listen();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((outbound) => outbound.close()));
    await this.server.close();
  }

  open(options: Partial<OutboundOptions> = {}): OutboundHttp {
    const outbound = new OutboundHttp({
      limits: defaultLimits,
      isClosed: () => false,
      visits: new Visits({ key: new Uint8Array(32), runsPerVisitMax: 9 }),
      allowedCidrs: ['127.0.0.0/8', '::1/128'],
      lookupOf: () => () => Promise.reject(new Error('no name is asked for here')),
      ...options,
    });
    this.#opened.push(outbound);
    return outbound;
  }

  openRun(options: Partial<OutboundOptions> = {}, grant = wholeFetchGrant): Fetch {
    return this.open(options).forRun({ folderKey, loopHops: 0, grant });
  }

  withLimit(limits: Partial<Limits>): Fetch {
    return this.openRun({ limits: { ...defaultLimits, ...limits } });
  }

  /** `path` of the loopback server, or a whole URL. */
  send(fetch: Fetch, path: string, sending: Sending = {}): Promise<OutboundReply> {
    return fetch.send(this.#request(path, sending), sending.signal ?? never);
  }

  /** The same, with the reply's body as it arrives. */
  openReply(fetch: Fetch, path: string, sending: Sending = {}): Promise<StreamedReply> {
    return fetch.open(this.#request(path, sending), sending.signal ?? never);
  }

  #request(path: string, sending: Sending): OutboundRequest {
    const { method = 'GET', headers = [], body = '', signal: _signal, ...others } = sending;
    const url = path.startsWith('/') ? `http://127.0.0.1:${this.server.port}${path}` : path;
    const sent = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    return { method, url, headers, body: sent, ...others };
  }
}

export function text(reply: OutboundReply): string {
  return new TextDecoder().decode(reply.body);
}

export function refusal(kind: string, message: string | RegExp = ''): object {
  return { name: 'CapabilityRefusal', kind, message: expect.stringMatching(message) };
}

function answer(request: SeenRequest, response: ServerResponse): void {
  const url = new URL(request.url, 'http://x');
  const bytes = Number(url.searchParams.get('bytes'));
  const location = url.searchParams.get('to');
  if (url.pathname === '/silent') return;
  if (url.pathname === '/stall') response.write('begun');
  else if (url.pathname === '/broken') response.socket?.destroy();
  else if (url.pathname === '/garbage') response.socket?.end('SMTP ready\r\n\r\n');
  else if (url.pathname === '/upgrade') {
    response.socket?.end(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    );
  } else if (url.pathname === '/headers') {
    for (let at = 0; at < bytes; at += 1) response.setHeader(`x-${at}`, 'v');
    response.end();
  } else if (url.pathname === '/big-header') response.setHeader('x', 'v'.repeat(bytes)).end();
  else if (url.pathname === '/gzip') response.setHeader('content-encoding', 'gzip').end('not gzip');
  else if (url.pathname === '/hint') {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('after the hint');
  } else if (location !== null) {
    const status = Number(url.searchParams.get('status') ?? 302);
    response.writeHead(status, { location }).end();
  } else if (bytes > 0) response.setHeader('content-length', bytes).end('b'.repeat(bytes));
  else {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.end(`${request.method} ${request.body}`);
  }
}
