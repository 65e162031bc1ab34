/** A listener for HTTPS with a certificate of its own, and raw HTTP/2 frames to try it with. */

import { connect, type TLSSocket } from 'node:tls';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import { toErrorRecord } from '../../src/errors.ts';
import type { RequestRecord } from '../../src/journal/request-record.ts';
import { systemClocks } from '../../src/serve/clocks.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { Listener } from '../../src/serve/listener.ts';
import { TrustedProxies } from '../../src/serve/road/client-address.ts';
import { failureHead } from '../../src/serve/road/failure.ts';
import { TlsContexts } from '../../src/serve/tls/contexts.ts';
import { ControlLink } from '../../src/threads/control-link.ts';
import type { ToControl } from '../../src/threads/messages.ts';
import { TestAuthority } from './acme-authority.ts';

const DAY_MS = 86_400_000;

export interface SecureListener extends AsyncDisposable {
  readonly port: number;
  readonly ca: string;
  readonly listener: Listener;
  readonly contexts: TlsContexts;
  readonly exchanges: HttpExchange[];
  readonly rejected: RequestRecord[];
  /** Why connections of HTTP/2 were cut. */
  readonly floods: string[];
  /** Names that the control plane was asked about. */
  readonly asked: string[];
}

/** Serves `site.test`; other names are refused. */
export async function listenSecurely(
  limits: Partial<Limits> = {},
  serve: (exchange: HttpExchange) => Promise<void> = answerLength,
  trustedCidrs: readonly string[] = [],
): Promise<SecureListener> {
  const authority = new TestAuthority();
  const nowMs = Date.now();
  const pair = authority.issueWithKey('site.test', {
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + DAY_MS,
  });
  const asked: string[] = [];
  const all = { ...defaultLimits, ...limits };
  const link: ControlLink = new ControlLink(
    {
      postMessage: (message: ToControl) => {
        if (message.kind !== 'question' || message.question.ask !== 'certificate') return;
        const { hostName = '' } = message.question;
        asked.push(hostName);
        const value =
          hostName === 'site.test'
            ? ({ kind: 'certificate', pair, id: 'one', expiresInMs: 60_000 } as const)
            : ({ kind: 'none', reason: 'unknown', expiresInMs: 60_000 } as const);
        setImmediate(() => link.receive({ kind: 'answer', id: message.id, value }));
      },
    },
    { verdictWaitMs: 5_000, onNews: () => undefined },
  );
  const contexts = new TlsContexts({
    ...{ limits: all, link, isBanned: () => false, onUnusable: () => undefined },
    nowMs: () => performance.now(),
  });
  const exchanges: HttpExchange[] = [];
  const rejected: RequestRecord[] = [];
  const floods: string[] = [];
  const listener = new Listener({
    clocks: systemClocks,
    limits: all,
    serve: async (exchange) => {
      exchanges.push(exchange);
      try {
        await serve(exchange);
      } catch (error) {
        const { head, body } = failureHead(toErrorRecord(error));
        if (exchange.replyState === 'none') exchange.send(head, body);
      }
    },
    onRejected: (record) => rejected.push(record),
    proxies: new TrustedProxies(trustedCidrs),
    tls: {
      contexts,
      ticketKeys: Buffer.alloc(48, 1),
      onHello: () => undefined,
      clientOf: ({ remoteAddress }) => remoteAddress,
      challengeOf: () => Promise.resolve(null),
      onRefused: () => undefined,
      onFlood: (_clientAddress, reason) => floods.push(reason),
      fixedHeaders: undefined,
    },
  });
  const { port } = await listener.listenTls({ host: '127.0.0.1', port: 0 }, false);
  return {
    ...{ port, ca: authority.rootPem, listener, contexts, exchanges, rejected, floods, asked },
    [Symbol.asyncDispose]: () => listener.drain(0),
  };
}

export async function answerLength(exchange: HttpExchange): Promise<void> {
  const body = await exchange.readBody(100_000);
  const { method, httpVersion, scheme } = exchange.request;
  const text = `${method} ${httpVersion} ${scheme} ${body.length}`;
  exchange.send({ status: 200, headers: [] }, Buffer.from(text));
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export const frameTypes = { headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7 } as const;

/** A connection that speaks HTTP/2 frame by frame, as no library would. */
export class FrameClient {
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  readonly #socket: TLSSocket;
  #received = Buffer.alloc(0);

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static open(port: number): Promise<FrameClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...{ host: '127.0.0.1', port, servername: 'site.test' },
        ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
      });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        const client = new FrameClient(socket);
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
        client.send({ type: frameTypes.settings, flags: 0, streamId: 0, payload: Buffer.alloc(0) });
        client.send({ type: frameTypes.settings, flags: 1, streamId: 0, payload: Buffer.alloc(0) });
        resolve(client);
      });
    });
  }

  send(...frames: readonly Frame[]): void {
    if (this.#socket.writable) this.#socket.write(Buffer.concat(frames.map(encode)));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** GET of `/` of site.test. Flags: end of headers, and of the stream when it has no body. */
  static get(streamId: number, hasBody = false): Frame {
    const authority = Buffer.from('site.test');
    const payload = Buffer.concat([
      Buffer.from([0x82, 0x84, 0x87, 0x01, authority.length]),
      authority,
    ]);
    return { type: frameTypes.headers, flags: hasBody ? 4 : 5, streamId, payload };
  }

  static reset(streamId: number): Frame {
    const payload = Buffer.from([0, 0, 0, 8]);
    return { type: frameTypes.reset, flags: 0, streamId, payload };
  }

  static ping(): Frame {
    return { type: frameTypes.ping, flags: 0, streamId: 0, payload: Buffer.alloc(8) };
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 9) {
      const length = this.#received.readUIntBE(0, 3);
      if (this.#received.length < 9 + length) return;
      this.frames.push({
        type: this.#received[3] ?? 0,
        flags: this.#received[4] ?? 0,
        streamId: this.#received.readUInt32BE(5),
        payload: this.#received.subarray(9, 9 + length),
      });
      this.#received = this.#received.subarray(9 + length);
    }
  }
}

function encode({ type, flags, streamId, payload }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}
