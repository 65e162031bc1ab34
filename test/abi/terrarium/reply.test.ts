import { describe, expect, test } from 'vitest';
import { completeReply, guessContentType } from '../../../src/abi/terrarium/reply.ts';
import { OutgoingReply } from '../../../src/abi/terrarium/run.ts';
import { defaultLimits } from '../../../src/config/config.ts';

function guess(body: string | readonly number[]): string {
  return guessContentType(typeof body === 'string' ? Buffer.from(body) : Uint8Array.from(body));
}

describe('the content type of a body without one', () => {
  test.each([
    '<!DOCTYPE html><p>',
    '<!doctype HTML>',
    ' \t\r\n\f<html lang="en">',
    '<HTML>',
    '\ufeff<html>',
    '<!-- a comment -->',
    '<h1>x</h1>',
    '<p>',
    '<div class=x>',
    '<br/>',
    '<a href="x">',
    '<table\n>',
  ])('is HTML for %j', (body) => {
    expect(guess(body)).toBe('text/html; charset=utf-8');
  });

  test.each([
    'Hello World!',
    'a < b',
    'x <html>',
    '<',
    '<pear>',
    '<svg xmlns="">',
    '<?xml version="1.0"?>',
    '{"a": 1}',
    'grüße\n\r\t\f',
    '\ufeffBOM',
  ])('is text for %j', (body) => {
    expect(guess(body)).toBe('text/plain; charset=utf-8');
  });

  test.each([
    [[0]],
    [[0x61, 0x0b]],
    [[0x1b, 0x5b]],
    [[0x7f]],
    [[0xff, 0xfe]],
    [[0x61, 0xc3]],
    [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ])('is bytes for %j', (body) => {
    expect(guess(body)).toBe('application/octet-stream');
  });

  test('is bytes for any control byte, wherever it stands', () => {
    const allowed = new Set([0x09, 0x0a, 0x0c, 0x0d]);
    for (let byte = 0; byte < 0x80; byte += 1) {
      const isControl = (byte < 0x20 && !allowed.has(byte)) || byte === 0x7f;
      const expected = isControl ? 'application/octet-stream' : 'text/plain; charset=utf-8';
      for (let at = 0; at < 13; at += 1) {
        const body = Buffer.alloc(17, 'a\nb');
        body[at + 2] = byte;
        // Views begin at all places of a word.
        expect(guessContentType(body.subarray(at % 3)), `${byte} at ${at}`).toBe(expected);
      }
    }
  });

  test('is looked for in the part of the body that a view covers', () => {
    const whole = Buffer.from('\0\0<html>\0\0');
    expect(guessContentType(whole.subarray(2, 8))).toBe('text/html; charset=utf-8');
  });

  test('is looked for in bodies shorter than a word, wherever they lie', () => {
    const whole = Buffer.alloc(16, 'a');
    for (let start = 0; start < 8; start += 1) {
      for (let length = 1; length < 5; length += 1) {
        const body = whole.subarray(start, start + length);
        expect(guessContentType(body)).toBe('text/plain; charset=utf-8');
      }
    }
  });

  test('a tag after 512 bytes of white space is not looked for', () => {
    expect(guess(`${' '.repeat(506)}<html>`)).toBe('text/html; charset=utf-8');
    expect(guess(`${' '.repeat(513)}<html>`)).toBe('text/plain; charset=utf-8');
  });
});

describe('what is sent', () => {
  test('is 200 without headers and body when the guest said nothing', () => {
    const { head, body } = completeReply(new OutgoingReply(defaultLimits));
    expect(head).toEqual({ status: 200, headers: [] });
    expect(body).toHaveLength(0);
  });

  test('keeps the content type that the guest set', () => {
    const reply = new OutgoingReply(defaultLimits);
    reply.headers.set('Content-Type', ['image/png']);
    reply.body = Buffer.from('<html>');
    expect(completeReply(reply).head.headers).toEqual([['content-type', 'image/png']]);
  });

  test.each([204, 205, 304])('has no body with status %i', (status) => {
    const reply = new OutgoingReply(defaultLimits);
    reply.status = status;
    reply.body = Buffer.from('body');
    expect(completeReply(reply)).toEqual({
      head: { status, headers: [] },
      body: new Uint8Array(0),
    });
  });

  test.each([1, 20_000, 65_536])('holds little more than %i bytes after a large body', (bytes) => {
    const lent: Uint8Array[] = [];
    const lendRoom = (size: number): Uint8Array => {
      const room = new Uint8Array(size);
      lent.push(room);
      return room;
    };
    const reply = new OutgoingReply(defaultLimits, { lendRoom });
    reply.setBody(reply.storageFor(1_048_576));
    reply.setBody(reply.storageFor(bytes).subarray(0, bytes).fill(7));
    const { body } = completeReply(reply);
    expect(lent).toHaveLength(1);
    expect(body).toEqual(new Uint8Array(bytes).fill(7));
    expect(body.buffer.byteLength).toBeLessThanOrEqual(2 * bytes);
  });

  test('is nothing when the last body was refused', () => {
    const reply = new OutgoingReply(defaultLimits);
    reply.body = undefined;
    expect(() => completeReply(reply)).toThrow(
      expect.objectContaining({ code: 'reply-too-large' }),
    );
  });
});
