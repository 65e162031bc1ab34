/**
 * Visitors who come all the time, each by one kind of connection, and count what was not answered.
 * Touches loopback alone.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { request as requestSecurely, Agent as SecureAgent } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectSecurely } from 'node:tls';
import { WebSocket } from 'ws';

export const kinds = ['http', 'post', 'tls', 'http2', 'http2-post', 'websocket'] as const;
export type ClientKind = (typeof kinds)[number];

export interface Target {
  readonly port: number;
  readonly tlsPort: number;
  /** PEM of who signed the certificate, which is for `localhost`. */
  readonly ca: string;
}

/**
 * Nothing was done, and the daemon says so: a stream that is refused may be sent again by itself
 * (RFC 9113, section 8.7), and so may a handshake that is answered with 503 and `Retry-After`.
 */
class ComeAgain extends Error {}

export class Load {
  readonly answered = new Map<ClientKind, number>(kinds.map((kind) => [kind, 0]));
  readonly failed: string[] = [];
  /** Who was asked to come again, and did. */
  sentAway = 0;
  /** The longest that anybody has waited, in milliseconds. */
  slowestMs = 0;
  isOver = false;

  get total(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The fewest of one kind. */
  get least(): number {
    return Math.min(...this.answered.values());
  }

  /** Does `visit` until all is over. */
  async repeat(kind: ClientKind, visit: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      const startedAtMs = performance.now();
      try {
        await visit();
        this.answered.set(kind, (this.answered.get(kind) ?? 0) + 1);
        this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAtMs);
      } catch (error) {
        if (error instanceof ComeAgain) this.sentAway += 1;
        else this.failed.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
        // Who is refused comes back, but not a thousand times a second.
        await wait(20);
      }
    }
  }
}

const body = 'x'.repeat(1_000);
const answerMsMax = 60_000;

/** One visitor. Resolves once `load.isOver`. */
export function visitAll(kind: ClientKind, target: Target, load: Load): Promise<void> {
  if (kind === 'http2' || kind === 'http2-post') return visitByHttp2(kind, target, load);
  if (kind === 'websocket') return talk(target, load);
  return visitByHttp1(kind, target, load);
}

async function visitByHttp1(
  kind: 'http' | 'post' | 'tls',
  target: Target,
  load: Load,
): Promise<void> {
  const kept = { keepAlive: true, maxSockets: 1 };
  const agent = kind === 'tls' ? new SecureAgent({ ...kept, ca: target.ca }) : new Agent(kept);
  const isPost = kind === 'post';
  const asked = {
    host: 'localhost',
    // Node would ask both families; the daemon listens on one.
    family: 4,
    port: kind === 'tls' ? target.tlsPort : target.port,
    method: isPost ? 'POST' : 'GET',
    path: isPost ? '/echo.wasm' : '/hello.wasm',
    agent,
  };
  await load.repeat(kind, async () => {
    const outgoing = kind === 'tls' ? requestSecurely(asked) : request(asked);
    outgoing.setTimeout(answerMsMax, () => outgoing.destroy(new Error('no answer')));
    outgoing.end(isPost ? body : undefined);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    requireAnswer(response.statusCode, bytes, isPost);
  });
  agent.destroy();
}

function requireAnswer(status: number | undefined, bytes: number, isPost: boolean): void {
  if (status !== 200) throw new Error(`status ${status}`);
  if (isPost && bytes < body.length) throw new Error(`${bytes} bytes of the echo`);
}

async function visitByHttp2(
  kind: 'http2' | 'http2-post',
  target: Target,
  load: Load,
): Promise<void> {
  let session: ClientHttp2Session | undefined;
  await load.repeat(kind, async () => {
    // A session that was told to go away takes no more requests (RFC 9113, section 6.8).
    if (session === undefined || session.closed || session.destroyed) {
      session = await openSession(target);
    }
    await askByHttp2(session, kind === 'http2-post');
  });
  session?.destroy();
}

async function openSession({ ca, tlsPort }: Target): Promise<ClientHttp2Session> {
  const session = connect(`https://localhost:${tlsPort}`, {
    // Node would try IPv6 first; the daemon listens on one family.
    createConnection: () =>
      connectSecurely({
        ...{ host: '127.0.0.1', port: tlsPort, servername: 'localhost', ca },
        ALPNProtocols: ['h2'],
      }),
  });
  session.on('error', () => session.destroy());
  session.on('goaway', () => session.close());
  await once(session, 'connect');
  return session;
}

async function askByHttp2(session: ClientHttp2Session, isPost: boolean): Promise<void> {
  const head = isPost
    ? { ':method': 'POST', ':path': '/echo.wasm' }
    : { ':method': 'GET', ':path': '/hello.wasm' };
  const stream = session.request(head, { endStream: !isPost });
  stream.setTimeout(answerMsMax, () => stream.destroy(new Error('no answer')));
  if (isPost) stream.end(body);
  const [headers] = await once(stream, 'response').catch((error: unknown) => {
    throw stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? new ComeAgain() : error;
  });
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  requireAnswer(headers[':status'], bytes, isPost);
}

const goingAway = 1001;

/** Messages there and back; a daemon that ends says so with 1001, and the visitor comes again. */
async function talk(target: Target, load: Load): Promise<void> {
  let socket: WebSocket | undefined;
  await load.repeat('websocket', async () => {
    if (socket === undefined || socket.readyState !== WebSocket.OPEN) {
      socket = await openSocket(`ws://127.0.0.1:${target.port}/talk.wasm`);
    }
    await say(socket, `message ${performance.now()}`);
  });
  socket?.terminate();
}

function openSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket)).on('error', reject);
    socket.once('unexpected-response', (_, { statusCode, headers }) => {
      const mayComeAgain = statusCode === 503 && headers['retry-after'] !== undefined;
      reject(mayComeAgain ? new ComeAgain() : new Error(`status ${statusCode}`));
      socket.terminate();
    });
  });
}

/** Resolves with the echo, or when the server goes away in good order. */
async function say(socket: WebSocket, text: string): Promise<void> {
  const { promise, reject, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('no echo')), answerMsMax);
  const onMessage = (data: Buffer): void => {
    if (data.toString().includes(text)) resolve();
    else reject(new Error(`another message: ${data.toString().slice(0, 80)}`));
  };
  const onClose = (code: number): void =>
    code === goingAway ? resolve() : reject(new Error(`closed with ${code}`));
  socket.once('message', onMessage).once('close', onClose).once('error', reject);
  socket.send(text);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.off('message', onMessage).off('close', onClose).off('error', reject);
  }
}
