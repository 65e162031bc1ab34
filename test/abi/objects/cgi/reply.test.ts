import { describe, expect, test } from 'vitest';
import { CgiReply } from '../../../../src/abi/objects/cgi/reply.ts';
import { WasiError } from '../../../../src/abi/objects/files/errno.ts';
import { StreamExchange } from './stream-exchange.ts';

const HEAD = 'Content-Type: text/plain\n\n';

function make(more: { plain?: boolean; lines?: number; bytes?: number; body?: number } = {}) {
  const exchange = new StreamExchange();
  const reply = new CgiReply({
    exchange,
    head: { linesMax: more.lines ?? 10, bytesMax: more.bytes ?? 1_000 },
    bodyBytesMax: more.body ?? 1_000_000,
    isPlainTextAllowed: more.plain ?? false,
  });
  const write = (text: string) => reply.write(Buffer.from(text, 'latin1'));
  return { exchange, reply, write };
}

/** What an output makes: status, headers and body, or the code of the failure. */
function answer(output: string, more: Parameters<typeof make>[0] = {}): string {
  const texts: string[] = [];
  // Whole, and byte by byte: it must not matter how the guest writes.
  for (const size of [output.length || 1, 1]) {
    const { exchange, reply, write } = make(more);
    try {
      for (let at = 0; at < output.length; at += size) write(output.slice(at, at + size));
      reply.end();
      const head = [exchange.head?.status ?? `inside ${exchange.redirect}`, ...exchange.headers];
      texts.push([...head, exchange.text].join('|'));
    } catch (error) {
      texts.push((error as { code: string }).code);
    }
  }
  expect(texts[1]).toBe(texts[0]);
  return texts[0] ?? '';
}

describe('a header block', () => {
  test.each([
    ['Content-Type: a/b\n\nx', '200|content-type: a/b|x'],
    ['Content-Type: a/b\r\n\r\nx\r\n', '200|content-type: a/b|x\r\n'],
    ['Content-Type: a/b\r\nX-A: 1\n\r\nx', '200|content-type: a/b|x-a: 1|x'],
    ['Content-Type: a/b\n\n', '200|content-type: a/b|'],
    ['content-TYPE:a/b\n\n\n\n', '200|content-type: a/b|\n\n'],
    ['Status: 404 Not Found\n\nx', '404|x'],
    ['Status: 404\nContent-Type: a/b\n\nx', '404|content-type: a/b|x'],
    ['Status: 599\n\n', '599|'],
    ['Set-Cookie: a=1\nSet-Cookie: b=2\nStatus: 200\n\n', '200|set-cookie: a=1|set-cookie: b=2|'],
    ['Status: 200\nX-Utf8: caf\xc3\xa9\n\n', '200|x-utf8: caf\xc3\xa9|'],
    ['Status: 200\nX-Empty:\nX-Colon: a:b\n\n', '200|x-empty: |x-colon: a:b|'],
    [
      'Content-Type: a/b\nConnection: close\nContent-Length: 3\n\nlong',
      '200|content-type: a/b|long',
    ],
    ['Location: https://example.org/x\n\n', '302|location: https://example.org/x|'],
    ['Location: relative\n\n', '302|location: relative|'],
    ['Status: 303\nLocation: /x\n\n', '303|location: /x|'],
    ['Location: /x\nContent-Type: a/b\n\nx', '302|content-type: a/b|location: /x|x'],
    ['Location: //evil.test/x\n\n', '302|location: //evil.test/x|'],
    ['Location: /x#y\n\n', '302|location: /x#y|'],
    ['Location: /.kbp_config\n\n', 'inside /.kbp_config|'],
    ['Location: /x?y=1\n\nbody is nobody’s', 'inside /x?y=1|'],
  ])('%j', (output, expected) => {
    expect(answer(output)).toBe(expected);
  });

  test.each([
    '',
    'no header block',
    '\nbody after nothing',
    'X-Only: 1\n\nx',
    'Content-Type: a/b\nX-Unfinished: yes',
    'Content-Type: a/b\nno colon\n\nx',
    'Content-Type: a/b\nX Bad: 1\n\nx',
    'Content-Type: a/b\n: 1\n\nx',
    'Content-Type: a/b\nX-Nul: a\0b\n\nx',
    'Content-Type: a/b\nX-Cr: a\rSet-Cookie: evil=1\n\nx',
    'Content-Type: a/b\nX-Esc: \x1b[2J\n\nx',
    'Content-Type: a/b\n folded: 1\n\nx',
    'Content-Type: a/b\n\x0bfolded: 1\n\nx',
    'Location: /\\elsewhere\n\n',
    'Location: /../x\n\n',
    'Location: /%zz\n\n',
    'Status: banana\n\n',
    'Status: 100 Continue\n\n',
    'Status: 600\n\n',
    'Status: 2000\n\n',
    'Status: \n\n',
  ])('%j is no answer', (output) => {
    expect(answer(output)).toBe('bad-reply');
  });

  test('its lines and bytes are bounded', () => {
    const lines = (count: number) => `Status: 200\n${'A: 1\n'.repeat(count - 1)}\n`;
    expect(answer(lines(10))).toMatch(/^200/);
    expect(answer(lines(11))).toBe('reply-too-large');
    const bytes = (count: number) => `Status: 200\nA: ${'x'.repeat(count - 17)}\n\n`;
    expect(bytes(1_000)).toHaveLength(1_000);
    expect(answer(bytes(1_000))).toMatch(/^200/);
    expect(answer(bytes(1_001))).toBe('reply-too-large');
    expect(answer('x'.repeat(1_001))).toBe('reply-too-large');
  });

  test('without an end it is given up while the guest writes', () => {
    const { reply, write } = make();
    write('x'.repeat(1_000));
    expect(() => write('x')).toThrow('received more');
    expect(reply.failure).toMatchObject({ code: 'reply-too-large' });
  });
});

describe('plain text, where the site allows it', () => {
  test.each([
    ['just text', '200|content-type: text/plain; charset=utf-8|just text'],
    ['two\nlines\n', '200|content-type: text/plain; charset=utf-8|two\nlines\n'],
    ['', '200|content-type: text/plain; charset=utf-8|'],
    ['x'.repeat(1_001), `200|content-type: text/plain; charset=utf-8|${'x'.repeat(1_001)}`],
    ['Content-Type: a/b\n\nx', '200|content-type: a/b|x'],
    ['X: 1\ncontent-TYPE : a/b\n\nx', '200|content-type: a/b|x: 1|x'],
  ])('%j', (output, expected) => {
    expect(answer(output, { plain: true })).toBe(expected);
  });

  test.each([
    '\n',
    '\nbegins with an empty line',
    'Total: 5\nCount: 6\n',
    'Total: 5\n\nthe end',
    'Total: 5\r\n\r\nContent-Type: a/b\n\nthe end',
    'Note: no\nheader\n\n',
    'A: 1\n'.repeat(11),
    `A: ${'x'.repeat(1_001)}`,
  ])('%j has none of the headers that an answer needs', (output) => {
    expect(answer(output, { plain: true })).toBe(
      `200|content-type: text/plain; charset=utf-8|${output}`,
    );
    expect(answer(output)).toMatch(/^(bad-reply|reply-too-large)$/);
  });

  test('a header block with a fault stays one', () => {
    expect(answer('Content-Type: a/b\nno colon\n\n', { plain: true })).toBe('bad-reply');
    expect(answer('Content-Type: a/b\nX: 1', { plain: true })).toBe('bad-reply');
    expect(answer('X: 1\nStatus: 200', { plain: true })).toBe('bad-reply');
  });
});

describe('the body', () => {
  test('a small one leaves at the end, whole', () => {
    const { exchange, reply, write } = make();
    write(HEAD);
    write('x'.repeat(16_383));
    expect(exchange.replyState).toBe('none');
    reply.end();
    expect(exchange.pieces.map((piece) => piece.length)).toEqual([16_383]);
    expect(exchange.replyState).toBe('ended');
  });

  test('leaves at 16 KiB, and the rest at the end', () => {
    const { exchange, reply, write } = make();
    write(HEAD);
    write('x'.repeat(16_384));
    write('tail');
    expect(exchange.pieces.map((piece) => piece.length)).toEqual([16_384]);
    reply.end();
    expect(exchange.pieces.map((piece) => piece.length)).toEqual([16_384, 4]);
  });

  test('leaves when the guest waits, but not before its header block is whole', () => {
    const { exchange, reply, write } = make();
    write('Content-Type: a/b\n');
    reply.flush();
    expect(exchange.replyState).toBe('none');
    write('\nsoon');
    reply.flush();
    reply.flush();
    expect(exchange.text).toBe('soon');
    expect(exchange.pieces).toHaveLength(1);
  });

  test('the guest waits while the visitor takes nothing', async () => {
    const { exchange, write } = make();
    const gate = Promise.withResolvers<void>();
    exchange.gate = gate.promise;
    write(HEAD);
    expect(write('x'.repeat(100))).toBeUndefined();
    const wait = write('x'.repeat(20_000));
    expect(wait).toBeInstanceOf(Promise);
    gate.resolve();
    await wait;
  });

  test('pieces are let go once they are taken, and not before', async () => {
    const { exchange, reply, write } = make();
    write(HEAD);
    await reply.write(new Uint8Array(20_000));
    exchange.taker = { isTaken: false };
    await reply.write(new Uint8Array(20_000));
    const taker = { isTaken: false };
    exchange.taker = taker;
    const gate = Promise.withResolvers<void>();
    exchange.gate = gate.promise;
    const wait = reply.write(new Uint8Array(20_000));
    expect(exchange.pieces.map(({ length }) => length)).toEqual([20_000, 20_000, 20_000]);
    taker.isTaken = true;
    gate.resolve();
    await wait;
    expect(exchange.pieces.map(({ length }) => length)).toEqual([20_000, 20_000, 0]);
  });

  test('is bounded, in bytes', () => {
    const { exchange, reply, write } = make({ body: 20_000 });
    write(`${HEAD}${'x'.repeat(20_000)}`);
    expect(() => write('x')).toThrow('its body may have at most 20000 bytes');
    expect(reply.failure).toMatchObject({ code: 'reply-too-large' });
    expect(exchange.pieces.map((piece) => piece.length)).toEqual([20_000]);
  });
});

describe('small writes are gathered', () => {
  test('in their order with large ones, over the ends of the rooms for them', () => {
    const { exchange, reply, write } = make();
    let expected = '';
    write(HEAD);
    for (let size = 1; size < 1_400; size += 7) {
      const text = String.fromCharCode(97 + (size % 26)).repeat(size);
      expected += text;
      write(text);
    }
    reply.end();
    expect(exchange.text).toBe(expected);
  });

  test.each([1, 100, 1_023])(
    'and of %i bytes none is kept: their allocation may be others’, too',
    (size) => {
      const { exchange, reply, write } = make();
      expect(size).toBeLessThan(reply.copiesBelowBytes);
      const head = Buffer.from(HEAD);
      const bytes = Buffer.alloc(size, 'a');
      reply.write(head);
      reply.write(bytes);
      head.fill(0);
      bytes.fill('b');
      write('end');
      reply.end();
      expect(exchange.text).toBe(`${'a'.repeat(size)}end`);
      expect(exchange.headers).toEqual(['content-type: text/plain']);
    },
  );
});

describe('small writes of a body', () => {
  const source = {
    bytes: Buffer.from('abcdefghij'),
    copyInto(target: Uint8Array, at: number, ptr: number, len: number): void {
      if (ptr + len > this.bytes.length) throw new WasiError('fault');
      target.set(this.bytes.subarray(ptr, ptr + len), at);
    },
  };

  test('are gathered where they lie, in their order with others', () => {
    const { exchange, reply, write } = make();
    expect(reply.gatherBytesMax).toBe(0);
    write(HEAD);
    reply.gather(source, 0, 3);
    write('-');
    write('x'.repeat(2_000));
    reply.gather(source, 7, 3);
    reply.end();
    expect(exchange.text).toBe(`abc-${'x'.repeat(2_000)}hij`);
  });

  test('are gathered up to where the answer would leave', () => {
    const { exchange, reply, write } = make();
    write(HEAD);
    let gathered = 0;
    while (reply.gatherBytesMax > 0) {
      const bytes = Math.min(reply.gatherBytesMax, 10);
      reply.gather(source, 0, bytes);
      gathered += bytes;
    }
    expect(gathered).toBe(16_383);
    expect(exchange.replyState).toBe('none');
    write('!');
    expect(exchange.text).toHaveLength(16_384);
    expect(reply.gatherBytesMax).toBeGreaterThan(0);
  });

  test('are gathered within the limit of the body, and refused as ever above', () => {
    const { reply, write } = make({ body: 5 });
    write(HEAD);
    reply.gather(source, 0, 3);
    expect(reply.gatherBytesMax).toBe(2);
    reply.gather(source, 0, 2);
    expect(reply.gatherBytesMax).toBe(0);
    expect(() => write('6')).toThrow('may have at most 5 bytes');
  });

  test('that cannot be read leave nothing behind', () => {
    const { exchange, reply, write } = make();
    write(HEAD);
    expect(() => reply.gather(source, 8, 3)).toThrow('errno fault');
    reply.gather(source, 8, 2);
    reply.end();
    expect(exchange.text).toBe('ij');
  });

  test('have no place in an answer that is another path’s', () => {
    const { reply, write } = make();
    write('Location: /x\n\n');
    expect(reply.gatherBytesMax).toBe(0);
  });
});
