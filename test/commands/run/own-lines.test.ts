import { expect, test } from 'vitest';
import { onOwnLines } from '../../../src/commands/run/own-lines.ts';

function open(isTerminal: boolean) {
  const told: string[] = [];
  const lines = onOwnLines({
    isTerminal,
    write: (output) => told.push(Buffer.from(output).toString()),
    report: (line) => told.push(`${line}\n`),
  });
  return { lines, told };
}

test('on a terminal what is told begins on a line of its own', () => {
  const { lines, told } = open(true);
  lines.report('first');
  lines.write('an ');
  lines.write(Buffer.from('answer'));
  lines.report('it failed');
  lines.write(Buffer.from('more'));
  lines.write('');
  lines[Symbol.dispose]();
  lines[Symbol.dispose]();
  expect(told.join('')).toBe('first\nan answer\nit failed\nmore\n');
});

test('an answer that ends its line gets no other', () => {
  const { lines, told } = open(true);
  lines.write(Buffer.from('answer\n'));
  lines[Symbol.dispose]();
  expect(told).toEqual(['answer\n']);
});

test('elsewhere the answer stays as it is, to the byte', () => {
  const { lines, told } = open(false);
  lines.write('answer');
  lines.report('it failed');
  lines.write('more');
  lines[Symbol.dispose]();
  expect(told).toEqual(['answer', 'it failed\n', 'more']);
});
