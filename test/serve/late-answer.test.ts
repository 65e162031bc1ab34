/** Answers that come from elsewhere, after who sent for them has ended. */
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BodyQueue } from '../../src/http/body-queue.ts';
import type { LateReply } from '../../src/http/late-reply.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { type Ports, protocols, tell } from '../support/answer-clients.ts';
import { waitFor } from '../support/daemon.ts';
import { listenPlainly, type PlainListener } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

let plain: PlainListener;
let secure: SecureListener;
let ports: Ports;
let signal: AbortSignal | undefined;
let coming: PromiseWithResolvers<LateReply>;
let failure: unknown;
let exchange: HttpExchange | undefined;

function reply(text: string, status = 200): LateReply {
  const body = new BodyQueue({ knownBytes: text.length, windowBytesMax: 1 });
  body.push(Buffer.from(text));
  body.end();
  return { head: { status, headers: [['x-late', 'yes']] }, body };
}

/** As the gateway does it. */
async function serve(asked: HttpExchange): Promise<void> {
  exchange = asked;
  asked.sendLater((aborted) => {
    signal = aborted;
    return coming.promise;
  });
  try {
    await asked.whenPassed();
  } catch (error) {
    failure = error;
    if (asked.replyState === 'none') asked.send({ status: 503, headers: [] }, Buffer.from('no'));
  }
}

beforeEach(async () => {
  signal = undefined;
  failure = undefined;
  exchange = undefined;
  coming = Promise.withResolvers();
  coming.promise.catch(() => undefined);
  const limits = { replyIdleTimeoutMs: 500, bodyIdleTimeoutMs: 500 };
  plain = await listenPlainly(limits, serve);
  secure = await listenSecurely(limits, serve);
  ports = { plain: plain.port, tls: secure.port };
});

afterEach(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

describe.each(protocols)('%s', (protocol) => {
  test('an answer goes out when it has come', async () => {
    const telling = tell(protocol, ports, '/');
    await waitFor(() => (signal === undefined ? undefined : true));
    expect(exchange?.replyState).toBe('ended');
    coming.resolve(reply('late', 418));
    expect(await telling).toEqual({ end: 'whole', status: 418, text: 'late' });
    expect(signal?.aborted).toBe(false);
  });

  test('one that does not come leaves the answer to who waits for it', async () => {
    coming.reject(new Error('Cannot fetch: the server must be there: received none'));
    expect(await tell(protocol, ports, '/')).toEqual({ end: 'whole', status: 503, text: 'no' });
    expect(failure).toMatchObject({ code: 'no-answer' });
    expect(String(failure)).toContain('received none');
  });

  test('one that breaks off breaks the answer off', async () => {
    const body = new BodyQueue({ knownBytes: 9, windowBytesMax: 1 });
    body.push(Buffer.from('half'));
    coming.resolve({ head: { status: 200, headers: [] }, body });
    const telling = tell(protocol, ports, '/');
    await waitFor(() => (signal === undefined ? undefined : true));
    setImmediate(() => body.fail(new Error('cut')));
    expect(await telling).toMatchObject({ end: 'broken' });
  });
});

test('a client that goes is waited for no more', async () => {
  const socket = connect({ host: '127.0.0.1', port: plain.port });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => (signal === undefined ? undefined : true));
  socket.destroy();
  await waitFor(() => (signal?.aborted === true ? true : undefined));
});

test('a connection in place of a body is not for who asked for none', async () => {
  const stranger = new PassThrough();
  coming.resolve({ head: { status: 101, headers: [] }, body: stranger });
  expect(await tell('HTTP/1.1', ports, '/')).toMatchObject({ status: 503 });
  expect(stranger.destroyed).toBe(true);
});
