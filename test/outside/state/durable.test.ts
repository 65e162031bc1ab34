import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { fileErrorCode, writeDurably, writeWhole } from '../../../src/outside/state/durable.ts';
import { Scratch } from '../../deploy/world.ts';

describe.each([writeDurably, writeWhole])('%o', (write) => {
  test('makes directories and replaces what was there, leaving nothing beside', async () => {
    using scratch = new Scratch();
    const path = scratch.path('a', 'b', 'file');
    await write(path, 'one');
    await write(path, Uint8Array.of(1, 2, 3));
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    expect(readdirSync(scratch.path('a', 'b'))).toEqual(['file']);
  });

  test('rejects and leaves nothing beside when it cannot replace', async () => {
    using scratch = new Scratch();
    mkdirSync(scratch.path('file', 'inside'), { recursive: true });
    const failure = await write(scratch.path('file'), 'x').catch((error) => error);
    expect(fileErrorCode(failure)).toMatch(/^E/);
    expect(readdirSync(scratch.directory)).toEqual(['file']);
  });
});

describe('writeDurably()', () => {
  test('fileErrorCode() is undefined for what is no file system error', () => {
    expect(fileErrorCode(new Error('x'))).toBeUndefined();
    expect(fileErrorCode('ENOENT')).toBeUndefined();
  });
});

describe('the store of a process that is killed while it writes', () => {
  test('is readable, and has every acknowledged version, 20 times', async () => {
    using scratch = new Scratch();
    const state = scratch.path('state');
    const writer = scratch.path('writer.ts');
    const source = (name: string) =>
      JSON.stringify(join(import.meta.dirname, '../../../src/deploy/keep', name));
    writeFileSync(writer, writerProgram(source));
    let acknowledged = -1;
    for (let round = 0; round < 20; round += 1) {
      const child = spawn(process.execPath, [writer, state, String(acknowledged + 1)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const target = acknowledged + 1 + (round % 4);
      for await (const line of createInterface({ input: child.stdout })) {
        if (line.startsWith('broken')) throw new Error(line);
        acknowledged = Number(line);
        if (acknowledged >= target && !child.killed) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    expect(acknowledged).toBeGreaterThanOrEqual(19);
  }, 120_000);
});

/**
 * Opens the store, checks that the last acknowledged version is there with its bytes, then accepts
 * one version after another, saying its number only when it is durable.
 */
function writerProgram(source: (name: string) => string): string {
  return `
import { createHash } from 'node:crypto';
import { ModuleStore } from ${source('store.ts')};
const [, , state, startText] = process.argv;
const start = Number(startText);
const tell = (kind, facts) => console.log('broken: ' + JSON.stringify([kind, facts]));
const journal = { tell };
const store = await ModuleStore.open(state, {
  journal,
  limits: { storeBytesMax: 2 ** 30, storeOwnerBytesMax: 2 ** 30 },
});
const bytesOf = (number) => Buffer.alloc(200_000, String(number).padStart(8, '0'));
const digestOf = (number) => createHash('sha256').update(bytesOf(number)).digest('hex');
if (start > 0) {
  const record = await store.readFolder('/folder');
  const versions = record?.modules.get('app.wasm')?.versions ?? [];
  // The version after it may be there as well: the process was killed before it could say so.
  if (!versions.some(({ digest }) => digest === digestOf(start - 1))) console.log('broken: lost');
  for (const { digest } of versions) await store.readModule(digest);
}
for (let number = start; ; number += 1) {
  const versions = [number, number - 1, number - 2].filter((each) => each >= 0).map((each) => ({
    digest: digestOf(each), abi: 'terrarium', acceptedAtMs: each, bytes: 200_000,
  })).filter(({ digest }, index) => index === 0 || store.has(digest));
  const seen = { digest: digestOf(number), stamp: String(number) };
  const modules = new Map([['app.wasm', { versions, seen }]]);
  await store.commit({ folderKey: '/folder', directory: '/', modules }, {
    digest: digestOf(number), bytes: bytesOf(number),
  });
  console.log(String(number));
}
`;
}
