import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OpenWriters } from '../../../src/outside/mount/open-writers.ts';
import { TestFolder } from '../../support/folder.ts';

const writers = OpenWriters.open();

describe.skipIf(writers === undefined)('OpenWriters', () => {
  test('knows a file that nobody has open for writing, however often it is asked', () => {
    using folder = new TestFolder();
    folder.write('file', 'text');
    const descriptor = openSync(folder.path('file'), 'r');
    expect(writers?.knowsClosed(descriptor)).toBe(true);
    const writer = openSync(folder.path('file'), 'r+');
    expect(writers?.knowsClosed(descriptor)).toBe(false);
    closeSync(writer);
    expect(writers?.knowsClosed(descriptor)).toBe(true);
    closeSync(descriptor);
  });

  test('keeps nobody from writing', () => {
    using folder = new TestFolder();
    folder.write('file', 'text');
    const descriptor = openSync(folder.path('file'), 'r');
    writers?.knowsClosed(descriptor);
    // Where the lease were still held this would wait for as long as the system lets it.
    writeFileSync(folder.path('file'), 'more');
    closeSync(descriptor);
  });

  test('says nothing of a descriptor that is none of a file', () => {
    expect(writers?.knowsClosed(-1)).toBe(false);
  });
});
