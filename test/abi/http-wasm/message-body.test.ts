import { expect, test } from 'vitest';
import { MessageBody } from '../../../src/abi/http-wasm/message-body.ts';
import { Body } from '../../../src/abi/objects/body.ts';
import type { SourceBody } from '../../../src/abi/objects/contents.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';

const options = {
  held: new HeldForRun(undefined, 1024 * 1024),
  headerLimits: { linesMax: 10, bytesMax: 1_000 },
};

/** A body of one piece with a trailer. */
function source(): SourceBody {
  const pieces = [Buffer.from('body')];
  return {
    knownBytes: undefined,
    get trailers() {
      return pieces.length === 0 ? ([['x-sum', '42']] as const) : [];
    },
    read: async () => pieces.shift(),
    cancel: () => undefined,
  };
}

async function readAll(message: MessageBody): Promise<void> {
  for (;;) {
    await message.whenReady();
    if (message.take(1_000)?.length === 0) return;
  }
}

/** What whoever is next gets: the bytes, and the fields behind them. */
async function passedOn(message: MessageBody): Promise<readonly [string, unknown]> {
  const whole = message.handOver().handOver();
  let text = '';
  for (;;) {
    const piece = await whole.read();
    if (piece === undefined) return [text, whole.trailers];
    text += Buffer.from(piece).toString();
  }
}

const message = (): MessageBody => new MessageBody(Body.of(source(), options), options);

test('trailers are there once the body was read, and pass on once', async () => {
  const body = message();
  body.isKept = true;
  expect(body.trailers.names()).toEqual([]);
  await readAll(body);
  expect(body.trailers.values('x-sum')).toEqual(['42']);
  body.trailers.append('x-more', '1');
  expect(await passedOn(body)).toEqual([
    'body',
    [
      ['x-sum', '42'],
      ['x-more', '1'],
    ],
  ]);
});

test('one that was removed does not come back', async () => {
  const body = message();
  body.isKept = true;
  await readAll(body);
  body.trailers.remove('x-sum');
  expect(await passedOn(body)).toEqual(['body', []]);
});

test('own ones stand behind a body that nobody has read, with those that come', async () => {
  const body = message();
  body.trailers.append('x-more', '1');
  const [text, trailers] = await passedOn(body);
  expect(text).toBe('body');
  expect(new Set((trailers as readonly string[][]).map(([name]) => name))).toEqual(
    new Set(['x-sum', 'x-more']),
  );
});

test('a body with trailers has no length beforehand: HTTP/1.1 would leave them out', () => {
  const body = message();
  body.write(Buffer.from('other'));
  body.trailers.append('x-more', '1');
  expect(body.handOver().handOver().knownBytes).toBeUndefined();
});

test('behind a body of its own stand its own alone', async () => {
  const body = message();
  body.write(Buffer.from('other'));
  body.trailers.append('x-more', '1');
  expect(await passedOn(body)).toEqual(['other', [['x-more', '1']]]);
});
