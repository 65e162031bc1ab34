import { describe, expect, test } from 'vitest';
import { MessageQueue } from '../../../src/serve/websocket/message-queue.ts';

const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

describe('MessageQueue', () => {
  test('gives messages in their order, whatever comes and goes between', () => {
    const queue = new MessageQueue();
    const taken: (string | undefined)[] = [];
    const count = 5_000;
    for (let index = 0; index < count; index += 1) {
      queue.push(Buffer.from(`${index}${'x'.repeat(index % 7)}`));
      // Three come for two that go: neither the buffer nor the lengths are ever empty.
      if (index % 3 !== 0) taken.push(textOf(queue.shift()));
    }
    while (queue.count > 0) taken.push(textOf(queue.shift()));
    const sent = Array.from({ length: count }, (_, index) => `${index}${'x'.repeat(index % 7)}`);
    expect(taken).toEqual(sent);
    expect(queue.shift()).toBeUndefined();
  });

  test('counts empty messages too', () => {
    const queue = new MessageQueue();
    for (let index = 0; index < 100; index += 1) queue.push(new Uint8Array(0));
    expect(queue.bytes).toBe(800);
    expect(queue.shift()?.length).toBe(0);
    queue.clear();
    expect([queue.bytes, queue.count]).toEqual([0, 0]);
  });

  test('keeps its own copy of a message', () => {
    const queue = new MessageQueue();
    const message = Buffer.from('before');
    queue.push(message);
    message.fill('x');
    expect(textOf(queue.shift())).toBe('before');
  });
});
