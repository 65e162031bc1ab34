import { expect, test } from 'vitest';
import { lineOf, scanTomlLines } from '../../src/config/toml-lines.ts';

const text = `# a comment with [brackets] = 1
top = "a # no comment" # one
list = [ # two
  "]",   # three
  '[',
]
multi = """
fake = 1
[fake]
\\""" still inside
"""
literal = '''
fake = 2
'''
"quoted key" = 1
inline = { a = 1, b = [1, 2] }

[table]
key = 1
dotted.name = 2
[ spaced . "out" ]
key = 3
[[many]]
key = 4
[[many]]
key = 5
`;

test.each([
  ['top', 2],
  ['list', 3],
  ['multi', 7],
  ['literal', 12],
  ['quoted key', 15],
  ['inline', 16],
  ['table', 18],
  ['table.key', 19],
  ['table.dotted', 20],
  ['table.dotted.name', 20],
  ['spaced', 21],
  ['spaced.out.key', 22],
  ['many.0', 23],
  ['many.0.key', 24],
  ['many.1', 25],
  ['many.1.key', 26],
])('%s stands on line %i', (key, line) => {
  expect(scanTomlLines(text).get(key)).toBe(line);
});

test('nothing inside a string counts as a key or a table', () => {
  expect([...scanTomlLines(text).keys()].filter((key) => key.includes('fake'))).toEqual([]);
});

test('a key inside an inline value has the line of what is around it', () => {
  const lines = scanTomlLines(text);
  expect(lineOf(lines, ['inline', 'b', '1'])).toBe(16);
  expect(lineOf(lines, ['nowhere'])).toBe(1);
});

test('lines that end in CR LF are counted once', () => {
  expect(scanTomlLines('a = 1\r\nb = 2\r\n').get('b')).toBe(2);
});

test('keys below a long path are not listed, so that they do not keep it once for each', () => {
  const path = 'a.'.repeat(5_000);
  const keys = Array.from({ length: 5_000 }, (_, at) => `k${at} = 1`).join('\n');
  const lines = scanTomlLines(`[${path}b]\n${keys}\n[c]\nlast = 1\n${path}d = 1`);
  expect([...lines.keys()]).toEqual(['c', 'c.last']);
  expect(lineOf(lines, ['c', 'last'])).toBe(5_003);
});
