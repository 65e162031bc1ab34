import { expect, test } from 'vitest';
import { noBytes } from '../../../src/http/body.ts';
import { noConnection } from '../../../src/http/connection-facts.ts';
import { ChainWire } from '../../../src/serve/chain/chain-wire.ts';

function open(body: ConstructorParameters<typeof ChainWire>[0]['body'] = noBytes, isHead = false) {
  return new ChainWire({ body, isHead, facts: () => noConnection });
}

test('gives an answer in pieces, and asks for no more than are taken', async () => {
  const wire = open();
  let drains = 0;
  const wireDrained = (): void => {
    drains += 1;
  };
  wire.listener = { wireDrained, wireClosed: () => undefined };
  wire.sendHead(200, ['Content-Type', 'text/plain', 'x-request-id', '7']);
  const { status, headers, body } = await wire.reply;
  expect([status, headers]).toEqual([200, [['content-type', 'text/plain']]]);
  expect(wire.write(new Uint8Array(10))).toBe(true);
  expect(wire.write(new Uint8Array(70_000))).toBe(false);
  expect((await body.read())?.length).toBe(10);
  expect(drains).toBe(0);
  expect((await body.read())?.length).toBe(70_000);
  expect(drains).toBe(1);
  wire.end([['x-sum', '1']]);
  expect(await body.read()).toBeUndefined();
  expect(body.trailers).toEqual([['x-sum', '1']]);
  expect(wire.isFinished).toBe(true);
});

test('an answer that is here is had without reading it', async () => {
  const wire = open();
  wire.sendWhole(200, [], Buffer.from('abc'));
  const { body } = await wire.reply;
  expect(Buffer.from(body.whole ?? []).toString()).toBe('abc');
  body.cancel();
  expect([wire.isFinished, body.whole]).toEqual([true, noBytes]);

  const inPieces = open();
  inPieces.sendHead(200, []);
  inPieces.write(Buffer.from('a'));
  const answer = await inPieces.reply;
  expect(answer.body.whole).toBeUndefined();
  inPieces.write(Buffer.from('b'));
  inPieces.end();
  expect(Buffer.from(answer.body.whole ?? []).toString()).toBe('ab');

  const trailing = open();
  trailing.sendHead(200, []);
  trailing.end([['x-sum', '1']]);
  expect((await trailing.reply).body.whole).toBeUndefined();
});

test('an answer to HEAD says a length, and has no body', async () => {
  const wire = open(noBytes, true);
  wire.sendWhole(200, ['content-length', '5'], undefined);
  const { headers, body } = await wire.reply;
  expect([headers, body.knownBytes]).toEqual([[['content-length', '5']], 0]);
  expect(await body.read()).toBeUndefined();
});

test('who gives it up is told to whoever answers, and the other way round', async () => {
  const wire = open();
  let isClosed = false;
  const wireClosed = (): void => {
    isClosed = true;
  };
  wire.listener = { wireDrained: () => undefined, wireClosed };
  wire.sendHead(200, []);
  const { body } = await wire.reply;
  body.cancel();
  expect([isClosed, wire.isFinished]).toEqual([true, false]);

  const broken = open();
  broken.sendHead(200, ['content-length', '5']);
  const answer = await broken.reply;
  expect(answer.body.knownBytes).toBe(5);
  broken.destroy();
  await expect(answer.body.read()).rejects.toThrow(/broke off/);
});

test('without an answer it rejects', async () => {
  const wire = open();
  wire.destroy();
  await expect(wire.reply).rejects.toThrow(/broke off/);
});

test('a body that nobody wants is cancelled', async () => {
  let isCancelled = false;
  const wire = open({
    knownBytes: undefined,
    read: () => Promise.resolve(new Uint8Array(1)),
    cancel: () => {
      isCancelled = true;
    },
  });
  expect(wire.hasBody).toBe(true);
  wire.leaveBody();
  expect(isCancelled).toBe(true);
});
