/** The examples of the guide are what owners copy. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { faultOf } from './read.ts';

const root = path.join(import.meta.dirname, '..', '..', '..');
const documents = ['docs/site-settings.md', 'docs/guests/whole-site.md', 'docs/guests/wasi.md'];
const examples = documents.flatMap((file) =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/```toml\n([\s\S]*?)```/g)].map(
    ([, text = ''], index) => ({ file, number: index + 1, text }),
  ),
);

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(20);
});

test.each(examples)('$file: example $number is valid', ({ text }) => {
  expect(faultOf(text)).toBe('accepted');
});
