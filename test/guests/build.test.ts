import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assembleWat, compiledGuests, listWatGuests } from '../../scripts/build-guests.ts';

const guestsFolder = import.meta.dirname;

describe('the committed modules', () => {
  test.each(listWatGuests())('$name.wasm is what its source assembles to', async (guest) => {
    const assembled = await assembleWat(guest);
    expect(Buffer.from(assembled).equals(readFileSync(guest.wasmPath))).toBe(true);
  });

  test('every test guest has a source and a line in the README', () => {
    const modules = readdirSync(guestsFolder).filter((file) => file.endsWith('.wasm'));
    const names = modules.map((file) => file.slice(0, -'.wasm'.length)).sort();
    const sources = listWatGuests().filter((guest) => guest.wasmPath.startsWith(guestsFolder));
    expect(names).toEqual(sources.map((guest) => guest.name).sort());
    const readme = readFileSync(join(guestsFolder, 'README.md'), 'utf8');
    const firstCells = [...readme.matchAll(/^\| (\w[\w, -]*) \|/gm)].map(
      (row) => row[1]?.trim() ?? '',
    );
    const described = firstCells.flatMap((cell) => cell.split(', '));
    expect(described.filter((name) => name !== 'Guest').sort()).toEqual(names);
  });
});

describe('the pages for guest authors', () => {
  const rootFolder = join(guestsFolder, '..', '..');
  const readPage = (name: string): string =>
    readFileSync(join(rootFolder, 'docs', 'guests', `${name}.md`), 'utf8');

  test.each([
    ['c', 'c/echo.c'],
    ['c', 'c/visits.c'],
    ['rust', 'rust/badge.rs'],
    ['zig', 'zig/mandelbrot.zig'],
    ['assemblyscript', 'assemblyscript/dice.ts'],
    ['wat', 'wat/hello.wat'],
  ])('%s.md shows %s as it is', (page, source) => {
    const text = readFileSync(join(rootFolder, 'examples', 'terrarium', source), 'utf8');
    expect(readPage(page)).toContain(text);
  });

  test.each(['javascript/greet.js', 'javascript/build.mjs', 'python/greet.py'])(
    'components.md shows %s as it is',
    (source) => {
      const text = readFileSync(join(rootFolder, 'examples/components', source), 'utf8');
      expect(readPage('components')).toContain(text);
    },
  );

  test.each(compiledGuests)('the page of $name.wasm has the command that built it', (guest) => {
    expect(readPage(guest.page)).toContain(`${guest.tool} ${guest.command}\n`);
  });
});
