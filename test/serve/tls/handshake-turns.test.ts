import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { HandshakeTurns } from '../../../src/serve/tls/handshake-turns.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('begins eight handshakes a turn, in order; none of a connection that has gone', async () => {
  const begun: Socket[] = [];
  const turns = new HandshakeTurns((socket) => begun.push(socket));
  const sockets = Array.from({ length: 20 }, () => new Socket());
  for (const socket of sockets) turns.push(socket);
  expect(begun.length).toBeLessThanOrEqual(8);
  sockets[12]?.destroy();
  const counts: number[] = [];
  while (begun.length < 19) {
    await nextTurn();
    counts.push(begun.length);
  }
  expect(counts.every((count, at) => count - (counts[at - 1] ?? 0) <= 9)).toBe(true);
  expect(begun).toEqual(sockets.filter((_, n) => n !== 12));
  const late = new Socket();
  turns.push(late);
  while (!begun.includes(late)) await nextTurn();
});
