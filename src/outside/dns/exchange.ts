/**
 * Edge: UDP and TCP sockets to DNS servers. One query in, one reply out, within a time limit. Every
 * sending has its own socket (so its own random port) and its own random id: a stranger who wants
 * to answer in the server's place has to guess both (RFC 5452).
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Endpoint } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { isReplyTo, isTruncated, withId } from './wire.ts';

export interface ExchangeOptions {
  readonly servers: readonly Endpoint[];
  /** For one sending to one server. */
  readonly timeoutMs: number;
  /** How often the whole list of servers is asked. */
  readonly attemptsMax: number;
  /** For all sendings together, shared out evenly among those that are left. None: no limit. */
  readonly budgetMs?: number;
  readonly replyBytesMax: number;
  /** Whether the reply settles the matter; otherwise the next server is asked. */
  readonly isUsable: (reply: Uint8Array) => boolean;
}

type Sending = Pick<ExchangeOptions, 'timeoutMs' | 'replyBytesMax'> & {
  readonly server: Endpoint;
  readonly query: Uint8Array;
  /** When the budget is spent, by `performance.now()`. */
  readonly endsAtMs: number;
};

/**
 * Asks one server after the other until a reply is usable. UDP first; over TCP what is truncated.
 * Resolves to the reply, with the id of `query`; to the last unusable one when all were.
 *
 * @throws TerrafirmaError `dns-timeout` when no server said anything, else `dns-failed`.
 */
export async function exchangeMessage(
  query: Uint8Array,
  options: ExchangeOptions,
): Promise<Uint8Array> {
  const { servers, attemptsMax, isUsable, replyBytesMax } = options;
  const endsAtMs = performance.now() + (options.budgetMs ?? Number.POSITIVE_INFINITY);
  let sendingsLeft = attemptsMax * servers.length;
  let unusable: Uint8Array | undefined;
  let failure = new TerrafirmaError('dns-failed', 'Cannot look up the name: no DNS server is set');
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    for (const server of servers) {
      try {
        const sent = withId(query, randomInt(0x1_0000));
        const shareMs = leftMs(endsAtMs) / sendingsLeft;
        const timeoutMs = Math.max(1, Math.floor(Math.min(options.timeoutMs, shareMs)));
        sendingsLeft -= 1;
        const reply = await sendOnce({ server, query: sent, timeoutMs, endsAtMs, replyBytesMax });
        const answered = withId(reply, (query[0] ?? 0) * 0x100 + (query[1] ?? 0));
        if (isUsable(answered)) return answered;
        unusable = answered;
      } catch (error) {
        if (!(error instanceof TerrafirmaError)) throw error;
        const isFirst = attempt === 0 && server === servers[0];
        if (isFirst || failure.code === 'dns-timeout') failure = error;
      }
    }
  }
  if (unusable !== undefined) return unusable;
  throw failure;
}

async function sendOnce(sending: Sending): Promise<Uint8Array> {
  const reply = await sendByUdp(sending);
  if (!isTruncated(reply)) return reply;
  const timeoutMs = Math.max(1, Math.floor(Math.min(sending.timeoutMs, leftMs(sending.endsAtMs))));
  return sendByTcp({ ...sending, timeoutMs });
}

function leftMs(endsAtMs: number): number {
  return endsAtMs - performance.now();
}

/**
 * A connected socket: the system drops what does not come from the server's address and port, and
 * tells at once when nobody listens there. Replies that do not match are waited out, not believed.
 */
function sendByUdp(sending: Sending): Promise<Uint8Array> {
  const { server, query, timeoutMs, replyBytesMax } = sending;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
  let mismatches = 0;
  const timer = setTimeout(() => {
    const reason = `${mismatches} replies that do not match the query`;
    reject(mismatches > 0 ? failed(server, reason) : timedOut(sending));
  }, timeoutMs);
  socket.on('error', (error) => reject(failed(server, error.message, error)));
  socket.on('message', (reply) => {
    if (!isReplyTo(query, reply)) mismatches += 1;
    else if (reply.length <= replyBytesMax) resolve(reply);
    else reject(failed(server, tooLong(reply.length, replyBytesMax)));
  });
  socket.once('connect', () => socket.send(query));
  socket.connect(server.port, server.host);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

/** RFC 1035, section 4.2.2: each message behind its length in two bytes. */
function sendByTcp(sending: Sending): Promise<Uint8Array> {
  const { server, query, replyBytesMax } = sending;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  const timer = setTimeout(() => reject(timedOut(sending)), sending.timeoutMs);
  let received = Buffer.alloc(0);
  socket.on('error', (error) => reject(failed(server, error.message, error)));
  socket.on('close', () => reject(failed(server, 'the connection ended without a reply')));
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const length = received.readUInt16BE(0);
    if (length > replyBytesMax) {
      reject(failed(server, tooLong(length, replyBytesMax)));
    } else if (received.length >= 2 + length) {
      const reply = received.subarray(2, 2 + length);
      if (isReplyTo(query, reply)) resolve(reply);
      else reject(failed(server, 'a reply that does not match the query'));
    }
  });
  const frame = Buffer.alloc(2 + query.length);
  frame.writeUInt16BE(query.length, 0);
  frame.set(query, 2);
  socket.write(frame);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

function tooLong(bytes: number, bytesMax: number): string {
  return `a reply of ${bytes} bytes, where ${bytesMax} are allowed`;
}

function failed(server: Endpoint, reason: string, cause?: Error): TerrafirmaError {
  const detail = `Cannot look up the name: DNS server ${server.host}: ${reason}`;
  return new TerrafirmaError('dns-failed', detail, { cause });
}

function timedOut({ server, timeoutMs }: Sending): TerrafirmaError {
  const detail = `Cannot look up the name: DNS server ${server.host}`;
  return new TerrafirmaError('dns-timeout', `${detail}: no reply within ${timeoutMs} ms`);
}
