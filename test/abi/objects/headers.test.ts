import { describe, expect, test } from 'vitest';
import { HeaderMap } from '../../../src/abi/objects/headers.ts';
import { ObjectError } from '../../../src/abi/objects/object-error.ts';

const limits = { linesMax: 4, bytesMax: 100 };

function problem(name: string, message: RegExp): object {
  return { problem: name, message: expect.stringMatching(message) };
}

function caught(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    if (error instanceof ObjectError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the fields of a message', () => {
  test('stand in their order, as often as given, in their case', () => {
    const headers = new HeaderMap(limits);
    headers.append('Set-Cookie', 'a=1');
    headers.append('X-One', '1');
    headers.append('set-cookie', 'b=2');
    expect(headers.lines()).toEqual([
      ['Set-Cookie', 'a=1'],
      ['X-One', '1'],
      ['set-cookie', 'b=2'],
    ]);
    expect(headers.names()).toEqual(['set-cookie', 'x-one']);
    expect(headers.values('SET-COOKIE')).toEqual(['a=1', 'b=2']);
    expect(headers.values('absent')).toEqual([]);
    expect(headers.byteLength).toBe('Set-Cookie'.length * 2 + 'X-One'.length + 7);
  });

  test('say before they are looked at that they are too many', () => {
    const headers = new HeaderMap(limits);
    headers.requireLines('x', 4);
    const refused = problem('limit', /received 5 lines/);
    expect(caught(() => headers.requireLines('x', 5))).toMatchObject(refused);
  });

  test('are spelled as the first of their name', () => {
    const headers = new HeaderMap(limits);
    headers.append('X-One', '1');
    headers.append('x-one', '2');
    expect(headers.spellingOf('X-ONE')).toBe('X-One');
    expect(headers.spellingOf('X-TWO')).toBe('X-TWO');
  });

  test('are replaced where the first of them stood', () => {
    const headers = HeaderMap.of(
      [
        ['a', '1'],
        ['b', '2'],
        ['A', '3'],
        ['c', '4'],
      ],
      limits,
    );
    headers.set('A', ['x', 'y']);
    expect(headers.lines()).toEqual([
      ['A', 'x'],
      ['A', 'y'],
      ['b', '2'],
      ['c', '4'],
    ]);
    headers.set('a', []);
    expect(headers.has('a')).toBe(false);
    expect(headers.remove('B')).toBe(true);
    expect(headers.remove('B')).toBe(false);
    expect(headers.lineCount).toBe(1);
    expect(headers.byteLength).toBe(2);
  });

  test.each([
    ['a b', '1'],
    ['', '1'],
    ['a', 'line\nend'],
    ['a', '\u{1f600}'],
  ])('%j: %j is no field, and changes nothing', (name, value) => {
    const headers = HeaderMap.of([['a', 'old']], limits);
    expect(caught(() => headers.set(name, [value]))).toMatchObject({ problem: 'syntax' });
    expect(caught(() => headers.append(name, value))).toMatchObject({ problem: 'syntax' });
    expect(headers.lines()).toEqual([['a', 'old']]);
  });

  test('never show a value that is refused: it may be a secret', () => {
    const headers = new HeaderMap(limits);
    const error = caught(() => headers.set('x', ['hunter2\n']));
    expect(error).toMatchObject(problem('syntax', /^((?!hunter2).)*8 bytes$/));
  });

  test('are bounded in number and bytes, and a message that came with more may shrink', () => {
    const headers = new HeaderMap(limits);
    for (const name of ['a', 'b', 'c', 'd']) headers.append(name, '1');
    expect(caught(() => headers.append('e', '1'))).toMatchObject(problem('limit', /4 lines/));
    expect(caught(() => headers.set('a', ['x'.repeat(100)]))).toMatchObject({ problem: 'limit' });
    expect(headers.lineCount).toBe(4);
    const large = HeaderMap.of(
      Array.from({ length: 9 }, (_, at) => [`h${at}`, 'v'] as const),
      limits,
    );
    large.set('h0', []);
    expect(large.lineCount).toBe(8);
    expect(caught(() => large.append('more', 'v'))).toMatchObject({ problem: 'limit' });
  });

  test('of a copy are its own', () => {
    const headers = HeaderMap.of([['a', '1']], limits);
    const copy = headers.copy();
    copy.set('a', ['2']);
    expect(headers.values('a')).toEqual(['1']);
    expect(copy.values('a')).toEqual(['2']);
  });
});
