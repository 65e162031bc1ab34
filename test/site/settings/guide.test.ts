/** The examples of the guide are what owners copy. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { faultOf as fastlyFaultOf } from '../fastly/read.ts';
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

test('the fastly.toml of the guide is valid', () => {
  const guide = readFileSync(path.join(root, 'docs/guests/fastly.md'), 'utf8');
  const texts = [...guide.matchAll(/```toml\n(manifest_version[\s\S]*?)```/g)];
  expect(texts.length).toBeGreaterThan(0);
  for (const [, text = ''] of texts) {
    expect(fastlyFaultOf(text, { '.secrets/api-key.txt': 'secret' })).toBe('accepted');
  }
});
