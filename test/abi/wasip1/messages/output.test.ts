import { describe, expect, test } from 'vitest';
import { MessageOutput } from '../../../../src/abi/wasip1/messages/output.ts';
import { Talk } from './talk.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('MessageOutput', () => {
  test.each([1, 2, 3, 100])('sends each line, whatever the pieces: %i bytes', (size) => {
    const talk = new Talk();
    const output = new MessageOutput(talk, 'lines');
    const text = bytes('one\n\ntwo\r\n\r\nlast');
    for (let at = 0; at < text.length; at += size) output.write(text.subarray(at, at + size));
    expect(talk.sent).toEqual(['one', '', 'two', '']);
    output.end();
    expect(talk.sent.at(-1)).toBe('last');
  });

  test.each([1, 3, 4, 5, 100])('sends each frame, whatever the pieces: %i bytes', (size) => {
    const talk = new Talk();
    const output = new MessageOutput(talk, 'frames');
    const text = bytes('\x03\0\0\0a\nb\0\0\0\0\x01\0\0\0c\x05\0\0\0cut');
    for (let at = 0; at < text.length; at += size) output.write(text.subarray(at, at + size));
    output.end();
    expect(talk.sent).toEqual(['a\nb', '', 'c']);
  });

  test.each([
    ['lines', `${'x'.repeat(10)}\n`, 'x'.repeat(12)],
    ['frames', `\x0a\0\0\0${'x'.repeat(10)}`, '\x0b\0\0\0'],
  ] as const)('refuses a message above the limit: %s', (framing, allowed, tooLarge) => {
    const talk = new Talk(10);
    const output = new MessageOutput(talk, framing);
    output.write(bytes(allowed));
    expect(talk.sent).toEqual(['x'.repeat(10)]);
    expect(() => output.write(bytes(tooLarge))).toThrow('a message may have 10 bytes');
    expect(output.failure).toMatchObject({ code: 'reply-too-large' });
  });

  test('is for nobody once the client has gone', () => {
    const talk = new Talk();
    const output = new MessageOutput(talk, 'lines');
    expect(output.isDropping).toBe(false);
    talk.isOver = true;
    expect(output.isDropping).toBe(true);
  });

  test('takes what comes at once, and asks for a pause when there is no more room', () => {
    const talk = new Talk();
    const output = new MessageOutput(talk, 'lines');
    expect(output.write(bytes('one\ntwo\n'))).toBeUndefined();
    talk.room = Promise.resolve();
    expect(output.write(bytes('three\nfour\nfi'))).toEqual({ bytes: 13, room: talk.room });
    talk.room = undefined;
    expect(output.write(bytes('ve\n'))).toBeUndefined();
    expect(talk.sent).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  test.each([
    ['lines', '\n', 1],
    ['frames', '\0\0\0\0', 4],
  ] as const)('takes 256 messages a write, and no more: %s', (framing, message, length) => {
    const talk = new Talk();
    const output = new MessageOutput(talk, framing);
    expect(output.write(bytes(message.repeat(256)))).toBeUndefined();
    const more = output.write(bytes(message.repeat(257)));
    expect(more).toEqual({ bytes: 256 * length, room: undefined });
    expect(talk.sent).toHaveLength(512);
  });
});
