import { describe, expect, test } from 'vitest';
import { MessageInput } from '../../../../src/abi/wasip1/messages/input.ts';
import { Talk } from './talk.ts';

const textOf = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');

describe('MessageInput', () => {
  test('gives a line a message, never two in one reading', () => {
    const talk = new Talk();
    const input = new MessageInput(talk, 'lines');
    expect(input.take(100)).toBeUndefined();
    talk.incoming.push(Buffer.from('one'), Buffer.from(''));
    expect(input.readyBytes).toBe(4);
    expect(textOf(input.take(2))).toBe('on');
    expect(textOf(input.take(100))).toBe('e\n');
    expect(textOf(input.take(100))).toBe('\n');
    expect(input.take(100)).toBeUndefined();
  });

  test('gives the length before each message in frames', () => {
    const talk = new Talk();
    const input = new MessageInput(talk, 'frames');
    talk.incoming.push(Buffer.alloc(258, 'x'), Buffer.alloc(0));
    expect(textOf(input.take(6))).toBe('\x02\x01\0\0xx');
    expect(input.take(1_000)?.length).toBe(256);
    expect(textOf(input.take(100))).toBe('\0\0\0\0');
  });

  test('ends after the last message', () => {
    const talk = new Talk();
    const input = new MessageInput(talk, 'lines');
    talk.incoming.push(Buffer.from('last'));
    talk.isOver = true;
    expect(textOf(input.take(100))).toBe('last\n');
    expect(input.take(100)?.length).toBe(0);
    expect(input.readyBytes).toBe(0);
  });
});
