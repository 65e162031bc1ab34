import { beforeEach, describe, expect, test } from 'vitest';
import { Body, type BodyOptions } from '../../../src/abi/objects/body.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';
import { selectReady } from '../../../src/abi/objects/ready.ts';
import type { ReadBody } from '../../../src/http/body.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';

const utf8 = new TextEncoder();
const mib = 1024 * 1024;

/** What the owner's account holds. */
let accountBytes = 0;
let options: BodyOptions;

beforeEach(() => {
  accountBytes = 0;
  options = optionsOf(mib);
});

function optionsOf(bytesMax: number, accountMax = Number.POSITIVE_INFINITY): BodyOptions {
  const hostMemory = {
    tryHoldObjects: () => true,
    tryHold: (bytes: number) => {
      if (accountBytes + bytes > accountMax) return false;
      accountBytes += bytes;
      return true;
    },
    release: (bytes: number) => {
      accountBytes -= bytes;
    },
  };
  const held = new HeldForRun(hostMemory, bytesMax);
  return { held, headerLimits: { linesMax: 2, bytesMax: 100 } };
}

function filled(...texts: string[]): Body {
  const body = new Body(options);
  for (const text of texts) body.write(utf8.encode(text));
  return body;
}

/** A body that is arriving. */
function arriving() {
  const told = { cancels: 0 };
  const queue = new BodyQueue({
    windowBytesMax: mib,
    onCancel: () => {
      told.cancels += 1;
    },
  });
  return { queue, told, body: Body.of(queue, options) };
}

async function readAll(body: ReadBody): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    expect(piece.length).toBeGreaterThan(0);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

async function readText(body: Body, bytesMax = 3): Promise<string> {
  let text = '';
  for (;;) {
    const bytes = await body.read(bytesMax);
    if (bytes.length === 0) return text;
    expect(bytes.length).toBeLessThanOrEqual(bytesMax);
    text += Buffer.from(bytes).toString();
  }
}

describe('a body', () => {
  test('gives what was written, in front and at the end, and holds nothing after it', async () => {
    const body = filled('middle', ' end');
    body.write(utf8.encode('front '), 'front');
    expect(body.knownBytes).toBe('front middle end'.length);
    expect(accountBytes).toBeGreaterThan(0);
    expect(body.isReady).toBe(true);
    expect(await readText(body)).toBe('front middle end');
    expect(await body.read(10)).toHaveLength(0);
    expect(accountBytes).toBe(0);
    expect(body.knownBytes).toBe(0);
  });

  test('answers at once what is here, and waits for what is not', async () => {
    const { queue, body } = arriving();
    expect(body.knownBytes).toBeUndefined();
    expect(body.isReady).toBe(false);
    const read = body.read(2);
    expect(read).toBeInstanceOf(Promise);
    queue.push(utf8.encode('abc'));
    expect(Buffer.from(await read).toString()).toBe('ab');
    expect(body.isReady).toBe(true);
    expect(Buffer.from(await body.read(9)).toString()).toBe('c');
    queue.end();
    expect(await body.read(9)).toHaveLength(0);
  });

  test('takes in another with what is still to come of it, and its trailers', async () => {
    const { queue, body: other } = arriving();
    other.addTrailer('x-own', '1');
    const body = filled('first ');
    body.append(other);
    body.write(utf8.encode(' last'));
    expect(() => other.read(1)).toThrow('one that is gone');
    expect(() => body.append(body)).toThrow('not a body to itself');
    expect(body.trailers).toBeUndefined();
    queue.push(utf8.encode('second'));
    queue.end([['x-sum', '2']]);
    expect(await readText(body)).toBe('first second last');
    expect(body.trailers).toEqual([
      ['x-sum', '2'],
      ['x-own', '1'],
    ]);
  });

  test('that breaks off tells its reader, and lets go', async () => {
    const { queue, body: other } = arriving();
    const body = filled('here ');
    body.append(other);
    body.write(utf8.encode('never'));
    expect(Buffer.from(await body.read(99)).toString()).toBe('here ');
    queue.fail(new Error('the client went away'));
    await expect(body.read(99)).rejects.toThrow('the client went away');
    expect(accountBytes).toBe(0);
  });

  test('that is closed unread cancels what was arriving', () => {
    const { body, told } = arriving();
    body.write(utf8.encode('more'));
    body.close();
    expect(told.cancels).toBe(1);
    expect(accountBytes).toBe(0);
    body.close();
    body.abandon();
    expect(() => body.write(utf8.encode('x'))).toThrow('one that is gone');
  });

  test('is bounded for the run and by the account of its owner', () => {
    options = optionsOf(1_000);
    const body = filled('x');
    expect(() => body.write(new Uint8Array(1_000))).toThrow(
      'bodies of a run hold at most 1000 bytes',
    );
    expect(accountBytes).toBeLessThan(1_000);
    options = optionsOf(mib, 500);
    accountBytes = 0;
    expect(() => filled('x'.repeat(600))).toThrow('memory is short');
  });

  test('of pieces of one byte is bounded by more than their bytes', () => {
    options = optionsOf(10_000);
    const body = new Body(options);
    let pieces = 0;
    const write = () => {
      for (;;) {
        body.write(utf8.encode('x'), 'front');
        pieces += 1;
      }
    };
    expect(write).toThrow('at most 10000 bytes');
    expect(pieces).toBeLessThan(100);
  });

  test('ends with its run: what is held of it is let go once', () => {
    const body = filled('some', 'more');
    options.held.close();
    expect(accountBytes).toBe(0);
    body.close();
    expect(accountBytes).toBe(0);
  });
});

describe('handing a body over', () => {
  test('passes on what came and was not touched as it came', () => {
    const { queue, body } = arriving();
    expect(body.handOver()).toBe(queue);
    expect(() => body.read(1)).toThrow('one that is gone');
  });

  test('gives what was added, too', async () => {
    const { queue, body } = arriving();
    body.write(utf8.encode('<'), 'front');
    body.write(utf8.encode('>'));
    body.addTrailer('x-sum', '1');
    queue.push(utf8.encode('a'));
    queue.end();
    const source = body.handOver();
    expect(source.knownBytes).toBeUndefined();
    expect(await readAll(source)).toBe('<a>');
    expect(source.trailers).toEqual([['x-sum', '1']]);
    expect(accountBytes).toBe(0);
  });

  test('in one write where all of it is here', () => {
    expect(Buffer.from(filled('a', 'b', 'c').takeWhole() ?? []).toString()).toBe('abc');
    expect(accountBytes).toBe(0);
    expect(filled().takeWhole()).toHaveLength(0);
    const { body } = arriving();
    expect(body.takeWhole()).toBeUndefined();
    expect(body.isReady).toBe(false);
    const trailing = filled('a');
    trailing.addTrailer('x', '1');
    expect(trailing.takeWhole()).toBeUndefined();
  });
});

describe('a write end', () => {
  test('passes on what is here and what is written, until it is closed', async () => {
    const body = filled('head ');
    const reader = body.startStreaming();
    expect(body.isStreaming).toBe(true);
    expect(reader.knownBytes).toBeUndefined();
    const all = readAll(reader);
    body.write(utf8.encode('one '));
    await Promise.resolve();
    body.append(filled('two '));
    body.addTrailer('x-sum', '3');
    body.write(utf8.encode('three'));
    body.close();
    expect(await all).toBe('head one two three');
    expect('trailers' in reader && reader.trailers).toEqual([['x-sum', '3']]);
    expect(accountBytes).toBe(0);
  });

  test('splices what is arriving without holding it', async () => {
    const { queue, body: other } = arriving();
    const body = new Body(options);
    const reader = body.startStreaming();
    body.append(other);
    const piece = utf8.encode('a piece');
    queue.push(piece);
    // The very bytes that came in: nothing was copied, and nothing of them is on the account.
    expect(await reader.read()).toBe(piece);
    expect(accountBytes).toBe(0);
    queue.end();
    body.close();
    expect(await reader.read()).toBeUndefined();
  });

  test('holds its writer up, and lets it go on when the reader has read', async () => {
    const body = new Body(options);
    const reader = body.startStreaming();
    expect(body.write(new Uint8Array(10))).toBeUndefined();
    const waits = body.write(new Uint8Array(64 * 1024));
    expect(waits).toBeInstanceOf(Promise);
    expect(body.isReady).toBe(false);
    let isRoom = false;
    void waits?.then(() => {
      isRoom = true;
    });
    await Promise.resolve();
    expect(isRoom).toBe(false);
    await reader.read();
    await reader.read();
    await waits;
    expect(body.isReady).toBe(true);
  });

  test('does not hold its writer up by what was there before', async () => {
    const body = new Body(options);
    body.write(new Uint8Array(100 * 1024));
    const reader = body.startStreaming();
    expect(body.isReady).toBe(true);
    expect(body.write(new Uint8Array(60 * 1024))).toBeUndefined();
    expect(body.write(new Uint8Array(10 * 1024))).toBeInstanceOf(Promise);
    // What was there before goes first, and makes no room.
    expect((await reader.read())?.length).toBe(100 * 1024);
    expect(body.isReady).toBe(false);
    await reader.read();
    expect(body.isReady).toBe(true);
  });

  test('lets its writer go when nobody reads any more, and holds nothing', async () => {
    const body = new Body(options);
    const reader = body.startStreaming();
    const waits = body.write(new Uint8Array(100 * 1024));
    reader.cancel();
    await waits;
    expect(accountBytes).toBe(0);
    expect(body.write(new Uint8Array(100 * 1024))).toBeUndefined();
    expect(accountBytes).toBe(0);
  });

  test('that is abandoned breaks the transfer off', async () => {
    const body = new Body(options);
    const reader = body.startStreaming();
    const read = reader.read();
    body.abandon();
    await expect(read).rejects.toThrow('abandoned');
  });

  test('is not read, written at its front, or sent again', () => {
    const body = new Body(options);
    body.startStreaming();
    expect(() => body.read(1)).toThrow('the write end of a transfer');
    expect(() => body.write(utf8.encode('x'), 'front')).toThrow('the write end');
    expect(() => body.startStreaming()).toThrow('the write end');
    expect(() => body.handOver()).toThrow('the write end');
    expect(() => body.trailers).toThrow('the write end');
  });
});

describe('waiting for several', () => {
  test('finds the first that is ready, bodies of both ends', async () => {
    const one = arriving();
    const two = arriving();
    expect(await selectReady([one.body, filled('x'), two.body])).toBe(1);
    const chosen = selectReady([one.body, two.body]);
    two.queue.push(utf8.encode('here'));
    expect(await chosen).toBe(1);
    // Looking takes nothing away.
    expect(Buffer.from(await two.body.read(9)).toString()).toBe('here');
    one.queue.end();
    expect(await selectReady([one.body])).toBe(0);
  });

  test('gives up when its time is over', async () => {
    expect(await selectReady([arriving().body], Promise.resolve())).toBeUndefined();
  });

  test('may be asked by two at once, and reads its source once at a time', async () => {
    let reads = 0;
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const source: ReadBody = {
      knownBytes: undefined,
      read: () => {
        reads += 1;
        return promise;
      },
      cancel: () => undefined,
    };
    const body = Body.of(source, options);
    const both = [selectReady([body]), selectReady([body]), body.whenReady()];
    resolve(utf8.encode('x'));
    await Promise.all(both);
    expect(reads).toBe(1);
  });
});

describe('two readers of one body', () => {
  test('get the same, at their own pace', async () => {
    const { queue, body } = arriving();
    const [one, other] = body.tee();
    queue.push(utf8.encode('same'));
    queue.end([['x', '1']]);
    expect(await readText(one)).toBe('same');
    expect(one.trailers).toEqual([['x', '1']]);
    expect(await readText(other)).toBe('same');
    expect(other.trailers).toEqual([['x', '1']]);
  });

  test('wait for each other where one is far ahead, and not for one that left', async () => {
    let piecesLeft = 100;
    const piece = new Uint8Array(16 * 1024);
    const source = {
      knownBytes: 100 * piece.length,
      read: async () => (piecesLeft-- > 0 ? piece : undefined),
      cancel: () => undefined,
    };
    const [one, other] = Body.of(source, options).tee();
    const fast = one.handOver();
    const slow = other.handOver();
    expect(fast.knownBytes).toBe(100 * piece.length);
    let readPieces = 0;
    const reading = (async () => {
      while ((await fast.read()) !== undefined) readPieces += 1;
    })();
    await expect.poll(() => readPieces).toBeGreaterThan(5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(readPieces).toBeLessThan(12);
    slow.cancel();
    await reading;
    expect(readPieces).toBe(100);
  });

  test('cancel the source when both have left', () => {
    const { body, told } = arriving();
    const [one, other] = body.tee();
    one.close();
    expect(told.cancels).toBe(0);
    other.close();
    expect(told.cancels).toBe(1);
  });

  test('both see it break off', async () => {
    const { queue, body } = arriving();
    const [one, other] = body.tee();
    queue.fail(new Error('gone'));
    await expect(readText(one)).rejects.toThrow('gone');
    await expect(readText(other)).rejects.toThrow('gone');
  });
});
