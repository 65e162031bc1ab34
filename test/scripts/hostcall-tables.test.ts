import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderHostcallDocuments } from '../../scripts/hostcall-tables.ts';
import { terrariumHostcalls } from '../../src/abi/terrarium/table.ts';
import { preview1Hostcalls } from '../../src/abi/wasip1/table.ts';

const root = join(import.meta.dirname, '../..');
const documents = renderHostcallDocuments(root);

test.each([...documents.keys()])('%s has the hostcalls that are declared', (file) => {
  expect(readFileSync(join(root, file), 'utf8')).toBe(documents.get(file));
});

test('every hostcall of Terrarium stands in its document, once', () => {
  const text = documents.get('docs/guests/README.md') ?? '';
  for (const name of terrariumHostcalls.keys()) {
    const rows = text.split(`| \`${name.replace('hostcall_', '')}\` `).length - 1;
    expect([name, rows]).toEqual([name, 1]);
  }
});

test('every function of WASI stands in its document, once', () => {
  const text = documents.get('docs/guests/wasi.md') ?? '';
  for (const name of preview1Hostcalls.keys()) {
    const rows = text.split(`| [\`${name}\`]`).length - 1;
    expect([name, rows]).toEqual([name, 1]);
  }
});

test('every decision that a hostcall names is written down', () => {
  const written = readFileSync(join(root, 'docs/spec/terrarium.md'), 'utf8');
  for (const { name, spec } of terrariumHostcalls.values()) {
    for (const decision of spec.split(', ').filter((each) => each !== '')) {
      expect([name, decision, written.includes(`**${decision}.`)]).toEqual([name, decision, true]);
    }
  }
});
