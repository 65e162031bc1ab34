import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { pieceBytes, quickPieceBytes } from '../../src/serve/piece-size.ts';
import { pumpReply } from '../../src/serve/reply-pump.ts';

/** Takes what it is given after `takeMs`, on a clock of its own. */
class Client extends Writable {
  nowMs = 1_000;
  takeMs = 0;
  readonly sizes: number[] = [];
  readonly #pieces: Uint8Array[] = [];

  constructor() {
    super({ highWaterMark: 64 * 1024 });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.sizes.push(piece.length);
    this.#pieces.push(piece);
    setImmediate(() => {
      this.nowMs += this.takeMs;
      done();
    });
  }
}

function pump(client: Client, body: Uint8Array, pieceBytesMax: number): Promise<number> {
  let renewals = 0;
  const renewLimit = (): void => {
    renewals += 1;
  };
  pumpReply(client, body, { renewLimit, nowMs: () => client.nowMs, pieceBytesMax });
  return new Promise((resolve) => client.once('finish', () => resolve(renewals)));
}

describe('pumpReply', () => {
  const body = Buffer.alloc(1024 * 1024 + 7, 'a long answer ');

  test('gives larger pieces to a client that takes them at once', async () => {
    const client = new Client();
    await pump(client, body, quickPieceBytes);
    expect(client.bytes.equals(body)).toBe(true);
    expect(client.sizes.slice(0, 2)).toEqual([pieceBytes, pieceBytes]);
    expect(Math.max(...client.sizes)).toBe(quickPieceBytes);
    expect(client.sizes.length).toBeLessThan(10);
  });

  test('gives the smallest to a client that does not', async () => {
    const client = new Client();
    client.takeMs = 100;
    const renewals = await pump(client, body, quickPieceBytes);
    expect(client.bytes.equals(body)).toBe(true);
    expect(Math.max(...client.sizes)).toBe(pieceBytes);
    expect(renewals).toBe(Math.ceil(body.length / (2 * pieceBytes)));
  });

  test('comes back to the smallest when the client becomes slow', async () => {
    const client = new Client();
    client.once('drain', () => {
      client.takeMs = 500;
    });
    await pump(client, body, quickPieceBytes);
    expect(client.bytes.equals(body)).toBe(true);
    expect(client.sizes.at(-2)).toBe(pieceBytes);
  });

  test('gives none that is larger than it may be', async () => {
    const client = new Client();
    await pump(client, body, pieceBytes);
    expect(client.bytes.equals(body)).toBe(true);
    expect(Math.max(...client.sizes)).toBe(pieceBytes);
  });
});
