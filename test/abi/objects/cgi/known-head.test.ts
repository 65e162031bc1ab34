import { describe, expect, test } from 'vitest';
import { KnownHead, knownHeadBytesMax } from '../../../../src/abi/objects/cgi/known-head.ts';
import { CgiReply } from '../../../../src/abi/objects/cgi/reply.ts';
import { StreamExchange } from './stream-exchange.ts';

function answer(known: KnownHead, ...writes: readonly string[]): string {
  const exchange = new StreamExchange();
  const reply = new CgiReply({
    exchange,
    head: { linesMax: 10, bytesMax: 1_000 },
    bodyBytesMax: 100,
    isPlainTextAllowed: false,
    known,
  });
  for (const text of writes) void reply.write(Buffer.from(text, 'latin1'));
  reply.end();
  return [exchange.head?.status, ...exchange.headers, exchange.text].join('|');
}

function isKnown(known: KnownHead, text: string): boolean {
  return known.find(Buffer.from(text, 'latin1')) !== undefined;
}

const head = 'Content-Type: a/b\nX-A: 1\n\n';

describe('KnownHead', () => {
  test('brings the same answer as the block that was read', () => {
    const known = new KnownHead();
    expect(answer(known, `${head}x`)).toBe('200|content-type: a/b|x-a: 1|x');
    expect(isKnown(known, head)).toBe(true);
    expect(answer(known, `${head}y`)).toBe('200|content-type: a/b|x-a: 1|y');
    expect(answer(known, head, 'z')).toBe('200|content-type: a/b|x-a: 1|z');
    expect(answer(known, head)).toBe('200|content-type: a/b|x-a: 1|');
  });

  test('is of the whole block, and of what came first', () => {
    const known = new KnownHead();
    answer(known, head);
    expect(answer(known, 'Content-Type: a/b\nX-A: 1\nX-B: 2\n\nx')).toBe(
      '200|content-type: a/b|x-a: 1|x-b: 2|x',
    );
    expect(answer(known, 'Status: 404\n', `${head}x`)).toBe('404|content-type: a/b|x-a: 1|x');
    expect(answer(known, 'Content-Type: a', '/b\nX-A: 1\n\nx')).toBe(
      '200|content-type: a/b|x-a: 1|x',
    );
    expect(isKnown(known, head.slice(0, -1))).toBe(false);
  });

  test('keeps no cookies, no redirects inside, and nothing long', () => {
    const known = new KnownHead();
    const cookie = 'Status: 200\nSet-Cookie: a=1\n\n';
    answer(known, cookie);
    answer(known, 'Location: /x\n\n');
    expect([isKnown(known, cookie), isKnown(known, 'Location: /x\n\n')]).toEqual([false, false]);
    const padded = (bytes: number): string => {
      const empty = 'Status: 200\nX: \n\n';
      return empty.replace('X: ', `X: ${'a'.repeat(bytes - empty.length)}`);
    };
    for (const [bytes, isKept] of [
      [knownHeadBytesMax + 1, false],
      [knownHeadBytesMax, true],
    ] as const) {
      answer(known, padded(bytes));
      expect(isKnown(known, padded(bytes))).toBe(isKept);
    }
  });
});
