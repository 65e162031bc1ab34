import { describe, expect, test } from 'vitest';
import { Body } from '../../../src/abi/objects/body.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';

const mib = 1024 * 1024;
const options = {
  held: new HeldForRun(undefined, mib),
  headerLimits: { linesMax: 4, bytesMax: 100 },
};

/** A body of 20 bytes that comes in pieces. */
function twenty(...pieces: readonly string[]): Body {
  const queue = new BodyQueue({ knownBytes: 20, windowBytesMax: mib });
  for (const piece of pieces) queue.push(Buffer.from(piece));
  queue.end([['x-sum', '1']]);
  return Body.of(queue, options);
}

async function textOf(source: { read(): Promise<Uint8Array | undefined> }): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

describe('a body of which some was read', () => {
  test.each([
    ['within a piece', ['ABCDEFGHIJ', 'KLMNOPQRST']],
    ['up to the end of a piece', ['ABCD', 'EFGHIJKLMNOPQRST']],
  ])('%s has the length of the rest', async (_what, pieces) => {
    const body = twenty(...pieces);
    expect(body.knownBytes).toBe(20);
    expect((await body.read(4)).length).toBe(4);
    expect(body.knownBytes).toBe(16);
    const rest = body.handOver();
    expect(rest.knownBytes).toBe(16);
    expect(await textOf(rest)).toBe('EFGHIJKLMNOPQRST');
    expect(rest.trailers).toEqual([['x-sum', '1']]);
  });

  test('moves into another with that length', async () => {
    const body = twenty('ABCDEFGH', 'IJKLMNOPQRST');
    await body.read(4);
    const other = new Body(options);
    other.write(Buffer.from('12345'));
    other.append(body);
    expect(other.knownBytes).toBe(21);
    expect(await textOf(other.handOver())).toBe('12345EFGHIJKLMNOPQRST');
  });

  test('that is cancelled tells who sends it', async () => {
    let isCancelled = false;
    const queue = new BodyQueue({
      knownBytes: 20,
      windowBytesMax: mib,
      onCancel: () => {
        isCancelled = true;
      },
    });
    queue.push(Buffer.from('ABCD'));
    const body = Body.of(queue, options);
    await body.read(4);
    body.close();
    expect(isCancelled).toBe(true);
  });
});
