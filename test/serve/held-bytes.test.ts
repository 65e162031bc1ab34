import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import { toErrorRecord } from '../../src/errors.ts';
import type { OwnerKey } from '../../src/names.ts';
import { systemClocks } from '../../src/serve/clocks.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { Listener } from '../../src/serve/listener.ts';
import { quickPieceBytes } from '../../src/serve/piece-size.ts';
import { wholeBytesMax } from '../../src/serve/reply-pump.ts';
import { failureHead } from '../../src/serve/road/failure.ts';
import { ask } from '../support/http.ts';
import { untilHolds } from '../support/until-holds.ts';

const mib = 1024 * 1024;
/** More than the system's buffers of a connection on loopback hold. */
const LARGE = 16 * mib;
const listeners: Listener[] = [];
const clients: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.drain(0)));
});

interface Running {
  readonly port: number;
  readonly account: Account;
  /** What serving ended with, a code of the error table or `ok`. */
  readonly ends: string[];
}

/** A listener whose exchanges are `/mallory`’s, or those of the path’s first segment. */
async function listen(
  serve: (exchange: HttpExchange) => Promise<void>,
  { bytesMax = 8 * 1024 * mib, ...limits }: Partial<Limits> & { bytesMax?: number } = {},
): Promise<Running> {
  const shared = createSharedAccount({ threads: 1, bytesMax, memoriesMax: 9 });
  const account = new Account(shared, 0);
  const ends: string[] = [];
  const listener = new Listener({
    clocks: systemClocks,
    limits: { ...defaultLimits, ...limits },
    serve: async (exchange) => {
      exchange.chargeTo(account.shareOf(exchange.request.target.slice(0, 8) as OwnerKey));
      try {
        await serve(exchange);
        ends.push('ok');
      } catch (error) {
        const { head, body } = failureHead(toErrorRecord(error));
        ends.push(toErrorRecord(error).code);
        if (exchange.replyState === 'none') exchange.send(head, body);
      }
    },
    onRejected: () => undefined,
  });
  listeners.push(listener);
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 }, false);
  return { port, account, ends };
}

async function answerLarge(exchange: HttpExchange): Promise<void> {
  exchange.send({ status: 200, headers: [] }, new Uint8Array(LARGE));
}

async function answerLength(exchange: HttpExchange): Promise<void> {
  const body = await exchange.readBody(4 * LARGE);
  exchange.send({ status: 200, headers: [] }, Buffer.from(`${body.length}`));
}

/** Asks and reads nothing. */
async function askWithoutReading(port: number, path = '/mallory'): Promise<Socket> {
  const client = connect(port, '127.0.0.1');
  clients.push(client);
  client.on('error', () => undefined);
  await once(client, 'connect');
  client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return client;
}

describe('replies that nobody takes', () => {
  test('that come in pieces are, too, where the pieces are here', async () => {
    const { port, account, ends } = await listen(async (exchange) => {
      const held = new Uint8Array(LARGE);
      let isRead = false;
      exchange.sendPiped(
        { status: 200, headers: [] },
        {
          knownBytes: LARGE,
          heldBytes: LARGE,
          read: async () => {
            if (isRead) return undefined;
            isRead = true;
            return held;
          },
          cancel: () => undefined,
        },
      );
    });
    const client = await askWithoutReading(port);
    const share = account.shareOf('/mallory' as OwnerKey);
    await untilHolds(() => expect(share.held('bytes')).toBeGreaterThanOrEqual(LARGE));
    client.destroy();
    await untilHolds(() => expect(share.held('bytes')).toBe(0));
    expect(ends).toEqual(['ok']);
  });

  test('that come in pieces are not sent where there is no room for them', async () => {
    let isCancelled = false;
    const { port, ends } = await listen(
      async (exchange) => {
        exchange.sendPiped(
          { status: 200, headers: [] },
          {
            knownBytes: undefined,
            heldBytes: LARGE,
            read: async () => undefined,
            cancel: () => {
              isCancelled = true;
            },
          },
        );
      },
      { bytesMax: 8 * mib },
    );
    expect((await ask(port, '/mallory')).status).toBe(503);
    expect(isCancelled).toBe(true);
    expect(ends).toEqual(['overloaded']);
  });

  test('are on the owner’s account until they are taken, or the client is gone', async () => {
    const { port, account } = await listen(answerLarge);
    const client = await askWithoutReading(port);
    const share = account.shareOf('/mallory' as OwnerKey);
    await untilHolds(() => expect(share.held('bytes')).toBe(LARGE));
    expect(account.heldBy('reply')).toBe(LARGE);
    client.destroy();
    await untilHolds(() => expect(share.held('bytes')).toBe(0));
    expect((await ask(port, '/mallory')).body.length).toBe(LARGE);
    await untilHolds(() => expect(share.held('bytes')).toBe(0));
  });

  test('replyIdleTimeoutMs: whoever takes less than a piece in that time is cut off', async () => {
    const { port, account } = await listen(answerLarge, { replyIdleTimeoutMs: 100 });
    const client = await askWithoutReading(port);
    // A little every moment, which an idle limit would put up with for hours.
    const trickle = setInterval(() => client.read(10), 20);
    client.pause();
    await untilHolds(() => expect(account.heldBy('reply')).toBe(LARGE));
    await untilHolds(() => expect(account.heldBy('reply')).toBe(0));
    clearInterval(trickle);
  });

  test('heldBytesPerClientMax: one client has so many at once, then a refusal', async () => {
    const { port, account, ends } = await listen(answerLarge, { heldBytesPerClientMax: 2 * LARGE });
    for (let each = 0; each < 4; each += 1) await askWithoutReading(port, `/owner-${each}`);
    await untilHolds(() => expect(ends).toHaveLength(4));
    expect(ends.toSorted()).toEqual(['ok', 'ok', 'overloaded', 'overloaded']);
    expect(account.heldBy('reply')).toBe(2 * LARGE);
    expect((await ask(port, '/alice')).status).toBe(503);
    for (const client of clients) client.destroy();
    await untilHolds(() => expect(account.heldBy('reply')).toBe(0));
    expect((await ask(port, '/alice')).status).toBe(200);
  });

  test('one owner’s take no more than the share that an owner may have', async () => {
    const limits = { bytesMax: (4 * 4 * LARGE) / 3, heldBytesPerClientMax: 100 * LARGE };
    const { port, account, ends } = await listen(answerLarge, limits);
    for (let each = 0; each < 5; each += 1) await askWithoutReading(port);
    await untilHolds(() => expect(ends).toHaveLength(5));
    expect(account.heldBy('reply')).toBe(3 * LARGE);
    expect((await ask(port, '/alice')).body.length).toBe(LARGE);
  });

  test('are counted piece by piece where they are streamed', async () => {
    const { port, account, ends } = await listen(async (exchange) => {
      exchange.start({ status: 200, headers: [['content-length', String(LARGE)]] });
      await exchange.write(new Uint8Array(LARGE));
      exchange.end();
    });
    const client = await askWithoutReading(port);
    await untilHolds(() => expect(account.heldBy('reply')).toBe(LARGE));
    client.resume();
    await untilHolds(() => expect(ends).toEqual(['ok']));
    expect(account.heldBy('reply')).toBe(0);
  });
});

describe('replies whose source has pieces of any size', () => {
  interface Claim {
    readonly bytes: number;
    /** Of all replies, once it is claimed. */
    readonly held: number;
    /** Whether the client took the piece before at once. */
    readonly isPaused: boolean;
  }

  /** Answers `/mallory` with pieces as they are claimed, everybody else with a body at once. */
  async function listenForClaims(limits: Parameters<typeof listen>[1] = {}) {
    const claims: Claim[] = [];
    let isPaused = false;
    const running = await listen(async (exchange) => {
      if (exchange.request.target !== '/mallory') {
        await answerLarge(exchange);
        return;
      }
      exchange.start({ status: 200, headers: [] });
      for (let sent = 0; sent < LARGE && !exchange.isGone; ) {
        const bytes = exchange.taker?.claimPiece() ?? 0;
        claims.push({ bytes, held: running.account.heldBy('reply'), isPaused });
        const written = exchange.write(new Uint8Array(bytes));
        isPaused = written !== undefined;
        await written;
        sent += bytes;
      }
      exchange.end();
    }, limits);
    return { ...running, claims };
  }

  test('send larger ones to who takes them at once, on the owner’s account', async () => {
    const { port, account, claims } = await listenForClaims();
    expect((await ask(port, '/mallory')).body.length).toBeGreaterThanOrEqual(LARGE);
    expect(claims[0]).toMatchObject({ bytes: wholeBytesMax, held: 0 });
    const large = claims.filter(({ bytes }) => bytes === quickPieceBytes);
    expect(large.length).toBeGreaterThan(0);
    expect(new Set(large.map(({ held }) => held))).toEqual(new Set([quickPieceBytes]));
    await untilHolds(() => expect(account.heldBy('reply')).toBe(0));
  });

  test('send small ones, and give back what they claimed, to who lets them wait', async () => {
    const { port, claims } = await listenForClaims();
    const client = connect(port, '127.0.0.1');
    clients.push(client);
    client.pause();
    client.write('GET /mallory HTTP/1.1\r\nHost: x\r\n\r\n');
    await untilHolds(() => expect(claims.at(-1)?.bytes).toBe(quickPieceBytes));
    let count = 0;
    // Until the system takes no more.
    while (count !== claims.length) {
      count = claims.length;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    client.resume();
    await untilHolds(() => expect(claims.length).toBeGreaterThan(count));
    expect(claims[count]).toMatchObject({ bytes: wholeBytesMax, held: 0, isPaused: true });
  });

  test('send small ones where the client may have no more, and none of it fails', async () => {
    const { port, ends, claims } = await listenForClaims({ heldBytesPerClientMax: LARGE });
    await askWithoutReading(port, '/alice');
    await untilHolds(() => expect(ends).toEqual(['ok']));
    expect((await ask(port, '/mallory')).body.length).toBe(LARGE);
    expect(new Set(claims.map(({ bytes }) => bytes))).toEqual(new Set([wholeBytesMax]));
    expect(ends).toEqual(['ok', 'ok']);
  });
});

describe('request bodies', () => {
  test('wait unread where their owner holds its share; are read when there is room', async () => {
    const { port, account, ends } = await listen(answerLength, { bytesMax: 4 * LARGE });
    const share = account.shareOf('/mallory' as OwnerKey);
    share.charge('memory', 2 * LARGE);
    const waiting = ask(port, '/mallory', { method: 'POST', body: Buffer.alloc(LARGE) });
    await untilHolds(() => expect(account.heldBy('request-body')).toBe(0));
    expect((await ask(port, '/alice', { method: 'POST', body: Buffer.alloc(1000) })).text).toBe(
      '1000',
    );
    expect(ends).toEqual(['ok']);
    share.release('memory', 2 * LARGE);
    expect((await waiting).text).toBe(String(LARGE));
    await untilHolds(() => expect(account.heldBy('request-body')).toBe(0));
  });

  test('are given up with a clear word where no room comes', async () => {
    const { port, account, ends } = await listen(answerLength, {
      bytesMax: 4 * LARGE,
      bodyIdleTimeoutMs: 100,
    });
    account.shareOf('/mallory' as OwnerKey).charge('memory', 2 * LARGE);
    const body = 'x'.repeat(1000);
    const reply = await ask(port, '/mallory', { method: 'POST', body });
    expect(reply.status).toBe(503);
    expect(reply.headers['retry-after']).toBeDefined();
    expect(ends).toContain('overloaded');
    expect(account.heldBy('request-body')).toBe(0);
  });
});
