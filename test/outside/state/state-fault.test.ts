import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeError, TerrafirmaError } from '../../../src/errors.ts';
import { asStateFault } from '../../../src/outside/state/state-fault.ts';
import { TestDaemon } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';

const errorOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test('an error at a file of the state is a sentence that names it; others stay', () => {
  using folder = new TestFolder();
  const inside = errorOf(() => readFileSync(folder.path('visit.key')));
  expect(asStateFault(inside, folder.directory)).toMatchObject({
    code: 'state',
    message: expect.stringContaining(`received ENOENT at ${folder.path('visit.key')}`),
  });
  expect(asStateFault(inside, `${folder.directory}-other`)).toBe(inside);
  expect(asStateFault('x', folder.directory)).toBe('x');
  const own = new TerrafirmaError('start');
  expect(asStateFault(own, folder.directory)).toBe(own);
});

test('a directory in place of a file ends the start, and is named', async () => {
  using folder = new TestFolder();
  folder.put('hello', 'site/hello.wasm');
  const stateDirectory = folder.path('state');
  const file = join(stateDirectory, 'suspects/probation.json');
  mkdirSync(file, { recursive: true });
  const started = TestDaemon.start({ args: [folder.path('site')], stateDirectory });
  await expect(started).rejects.toThrow(`at ${file}; put it right, or move it away`);
});

test('what the system refused is told by its own words, without a stack', () => {
  using folder = new TestFolder();
  const told = describeError(errorOf(() => readFileSync(folder.directory)));
  expect(told).toBe('EISDIR: illegal operation on a directory, read');
  expect(describeError(new TypeError('x'))).toMatch(/^TypeError: x\n +at /);
});
