import type { Dispatcher } from 'undici';
import { describe, expect, test } from 'vitest';
import { ServerExchange } from '../../../src/capability/fetch/exchange.ts';
import { CapabilityRefusal } from '../../../src/capability/refusal.ts';
import type { ReadBody } from '../../../src/http/body.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';
import { refusal } from '../outbound-bench.ts';

interface Controlled {
  readonly controller: Dispatcher.DispatchController;
  /** What was asked of the HTTP client, in order. */
  readonly asked: (string | Error)[];
}

function control(rawHeaders: string[] = [], rawTrailers: string[] = []): Controlled {
  const asked: (string | Error)[] = [];
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders,
    rawTrailers,
    abort: (reason: Error) => asked.push(reason),
    pause: () => asked.push('pause'),
    resume: () => asked.push('resume'),
  };
  return { controller, asked };
}

function open(options: { readonly heldBytesMax?: number; readonly sent?: ReadBody } = {}) {
  const { heldBytesMax = Number.POSITIVE_INFINITY, sent } = options;
  const counts = { heldBytes: 0, done: 0, over: 0 };
  const budget = {
    take: (bytes: number) => {
      if (counts.heldBytes + bytes > heldBytesMax) return new CapabilityRefusal('limit', 'full');
      counts.heldBytes += bytes;
      return undefined;
    },
    release: (bytes: number) => {
      counts.heldBytes -= bytes;
    },
  };
  const onDone = () => {
    counts.done += 1;
  };
  const exchange = new ServerExchange({ headersMax: 1, budget }, sent);
  exchange.onceDone(onDone);
  exchange.onceOver(() => {
    counts.over += 1;
  });
  return { exchange, counts };
}

/** Bodies of requests that tell whether they were given up. */
function sentBody(): { readonly body: ReadBody; readonly cancels: () => number } {
  let cancels = 0;
  const body = new BodyQueue({
    windowBytesMax: 1,
    onCancel: () => {
      cancels += 1;
    },
  });
  return { body, cancels: () => cancels };
}

describe('one exchange', () => {
  test('gives the head before the body, and pieces as they arrive', async () => {
    const { exchange, counts } = open();
    const { controller } = control(['A', '1'], ['B', '2']);
    exchange.onRequestStart(controller);
    expect(exchange.hasBegun).toBe(false);
    exchange.onResponseStart(controller, 103);
    expect(exchange.hasBegun).toBe(false);
    exchange.onResponseStart(controller, 404);
    expect(exchange.hasBegun).toBe(true);
    expect(await exchange.head).toEqual({ status: 404, headers: [['a', '1']] });
    exchange.onResponseData(controller, Uint8Array.of(1, 2));
    expect(await exchange.body.read()).toEqual(Uint8Array.of(1, 2));
    const next = exchange.body.read();
    exchange.onResponseData(controller, Uint8Array.of(3));
    expect(await next).toEqual(Uint8Array.of(3));
    exchange.onResponseEnd(controller);
    exchange.onResponseError(controller, new Error('late'));
    expect(await exchange.body.read()).toBeUndefined();
    expect(exchange.body.trailers).toEqual([['b', '2']]);
    expect(counts).toEqual({ heldBytes: 0, done: 1, over: 1 });
  });

  test('lets the server wait for a reader that does not read', async () => {
    const { exchange } = open();
    const { controller, asked } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200);
    const piece = new Uint8Array(100 * 1024);
    exchange.onResponseData(controller, piece);
    expect(asked).toEqual([]);
    exchange.onResponseData(controller, piece);
    expect(asked).toEqual(['pause']);
    await exchange.body.read();
    expect(asked).toEqual(['pause', 'resume']);
  });

  test('is over when the server has ended, and done when the reader has', async () => {
    const { exchange, counts } = open();
    const { controller } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200);
    exchange.onResponseData(controller, Uint8Array.of(1));
    exchange.onResponseEnd(controller);
    expect(counts).toMatchObject({ done: 0, over: 1 });
    expect(counts.heldBytes).toBeGreaterThan(0);
    await exchange.body.read();
    expect(counts).toEqual({ heldBytes: 0, done: 1, over: 1 });
  });

  test('given up after its server has ended, it lets go of what was not read', async () => {
    const { exchange, counts } = open();
    const { controller } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200);
    exchange.onResponseData(controller, Uint8Array.of(1));
    exchange.onResponseEnd(controller);
    exchange.giveUp(new CapabilityRefusal('abandoned', 'gone'));
    expect(counts).toEqual({ heldBytes: 0, done: 1, over: 1 });
    await expect(exchange.body.read()).rejects.toThrow('gone');
  });

  test('given up in the queue, it ends when it leaves the queue', async () => {
    const { body, cancels } = sentBody();
    const { exchange } = open({ sent: body });
    const { controller, asked } = control();
    const reason = new CapabilityRefusal('abandoned', 'gone');
    exchange.giveUp(reason);
    expect(cancels()).toBe(1);
    await expect(exchange.head).rejects.toBe(reason);
    exchange.onRequestStart(controller);
    expect(asked).toEqual([reason]);
  });

  test('more than may be held breaks it off', async () => {
    const { exchange, counts } = open({ heldBytesMax: 400 });
    const { controller, asked } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200);
    exchange.onResponseData(controller, new Uint8Array(4));
    exchange.onResponseData(controller, new Uint8Array(400));
    expect(asked).toHaveLength(1);
    await expect(exchange.body.read()).rejects.toMatchObject(refusal('limit', 'full'));
    expect(counts.heldBytes).toBe(0);
    exchange.onResponseError(controller, new Error('aborted'));
    expect(counts).toEqual({ heldBytes: 0, done: 1, over: 1 });
  });

  test('a body that nobody wants is broken off', () => {
    const { exchange, counts } = open();
    const { controller, asked } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200);
    exchange.body.cancel();
    expect(asked).toHaveLength(1);
    expect(counts.done).toBe(1);
  });

  test('an answer that is complete early needs no more of the request', () => {
    const { body, cancels } = sentBody();
    const { exchange } = open({ sent: body });
    const { controller } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 413);
    expect(cancels()).toBe(0);
    exchange.onResponseEnd(controller);
    expect(cancels()).toBe(1);
  });

  test('a body that breaks off rejects its reader in our words', async () => {
    const { exchange } = open();
    const { controller } = control();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200);
    const read = exchange.body.read();
    exchange.onResponseError(controller, Object.assign(new Error('x'), { code: 'ECONNRESET' }));
    await expect(read).rejects.toMatchObject(refusal('connection', /^Cannot fetch: /));
  });
});
