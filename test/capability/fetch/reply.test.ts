import type { Dispatcher } from 'undici';
import { describe, expect, test } from 'vitest';
import {
  isStaleConnection,
  ReplyCollector,
  toRefusal,
} from '../../../src/capability/fetch/reply.ts';
import { CapabilityRefusal } from '../../../src/capability/refusal.ts';
import { refusal } from '../outbound-bench.ts';

interface Controlled {
  readonly controller: Dispatcher.DispatchController;
  readonly aborted: Error[];
}

function control(rawHeaders: string[] = []): Controlled {
  const aborted: Error[] = [];
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders,
    abort: (reason: Error) => aborted.push(reason),
    pause: () => undefined,
    resume: () => undefined,
  };
  return { controller, aborted };
}

interface Collecting {
  readonly collector: ReplyCollector;
  readonly released: number[];
}

function collect(): Collecting {
  const released: number[] = [];
  const budget = { take: () => undefined, release: (bytes: number) => released.push(bytes) };
  return { collector: new ReplyCollector({ replyBytesMax: 4, headersMax: 1 }, budget), released };
}

function codeError(code: string): Error {
  return Object.assign(new Error('words of the library'), { code });
}

describe('collecting a reply', () => {
  test('joins chunks; what was counted is released when the exchange is over, once', async () => {
    const { collector, released } = collect();
    const { controller } = control(['A', '1']);
    let overs = 0;
    collector.onceOver(() => {
      overs += 1;
    });
    collector.onRequestStart(controller);
    expect(collector.hasBegun).toBe(false);
    collector.onResponseStart(controller, 103);
    expect(collector.hasBegun).toBe(false);
    collector.onResponseStart(controller, 404);
    expect(collector.hasBegun).toBe(true);
    collector.onResponseData(controller, Uint8Array.of(1, 2));
    collector.onResponseData(controller, Uint8Array.of(3, 4));
    collector.onResponseEnd();
    collector.onResponseError(controller, new Error('late'));
    const body = Uint8Array.of(1, 2, 3, 4);
    expect(await collector.reply).toEqual({ status: 404, headers: [['a', '1']], body });
    expect(released).toEqual([4]);
    expect(overs).toBe(1);
  });

  test('given up in the queue, it ends when it leaves the queue', async () => {
    const { collector } = collect();
    const { controller, aborted } = control();
    const reason = new CapabilityRefusal('abandoned', 'gone');
    collector.giveUp(reason);
    await expect(collector.reply).rejects.toBe(reason);
    collector.onRequestStart(controller);
    expect(aborted).toEqual([reason]);
  });

  test('a reply too long is given up, and stays counted until the connection lets go', async () => {
    const { collector, released } = collect();
    const { controller, aborted } = control();
    collector.onRequestStart(controller);
    collector.onResponseStart(controller, 200);
    collector.onResponseData(controller, new Uint8Array(4));
    collector.onResponseData(controller, new Uint8Array(1));
    await expect(collector.reply).rejects.toMatchObject(refusal('limit', /at most 4 bytes/));
    expect(aborted).toHaveLength(1);
    expect(released).toEqual([]);
    collector.onResponseError(controller, new Error('aborted'));
    expect(released).toEqual([4]);
  });
});

describe('failures of the HTTP client', () => {
  test.each([
    ['UND_ERR_HEADERS_OVERFLOW', 'limit'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_INVALID_ARG', 'input'],
    ['HPE_INVALID_CONSTANT', 'connection'],
    ['ECONNRESET', 'connection'],
  ])('%s is of the kind %s', (code, kind) => {
    expect(toRefusal(codeError(code))).toMatchObject(refusal(kind, /^Cannot fetch: /));
  });

  test('a refusal stays itself and a stranger becomes a connection failure', () => {
    const reason = new CapabilityRefusal('forbidden', 'no');
    expect(toRefusal(reason)).toBe(reason);
    expect(toRefusal('odd')).toMatchObject(refusal('connection', /odd$/));
  });

  test('only a connection that broke off counts as stale', () => {
    expect(isStaleConnection(codeError('UND_ERR_SOCKET'))).toBe(true);
    expect(isStaleConnection(codeError('ECONNRESET'))).toBe(true);
    expect(isStaleConnection(codeError('HPE_INVALID_CONSTANT'))).toBe(false);
    expect(isStaleConnection(new Error('x'))).toBe(false);
  });
});
