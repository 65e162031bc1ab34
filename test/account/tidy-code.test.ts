import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** V8's own number: were it another, the tests would not both pass. */
const optimisedBit = 8;
const childMsMax = 60_000;

/**
 * Has V8 optimise code for objects of which none is alive afterwards, collects garbage, and says
 * whether the code is still there.
 */
const program = `
  import { Account } from '${urlOf('account')}';
  import { createSharedAccount, headerWord } from '${urlOf('shared')}';
  import { Tidy } from '${urlOf('tidy')}';
  class Part {
    #count = 1;
    #more;
    constructor(more) { this.#more = more; }
    get sum() { return this.#count + this.#more; }
  }
  // V8 keeps the shapes of a class that is alive.
  globalThis.Part = Part;
  const use = (part) => part.sum;
  %PrepareFunctionForOptimization(use);
  const work = () => {
    for (let count = 0; count < 100; count += 1) use(new Part(count));
  };
  work();
  %OptimizeFunctionOnNextCall(use);
  work();
  await new Promise(setImmediate);
  const isOptimised = () => (%GetOptimizationStatus(use) & ${optimisedBit}) !== 0;
  if (!isOptimised()) throw new Error('V8 must optimise what it was told to');
  const bytesMax = Number(process.env.BYTES_MAX);
  const shared = createSharedAccount({ threads: 1, bytesMax, memoriesMax: 10 });
  const words = new Float64Array(shared);
  const account = new Account(shared, 0);
  const tidy = new Tidy(account, { trimsToo: false, utilization: () => 0 });
  words[headerWord.outsideBytes] = 2048;
  words[headerWord.collectRounds] += 1;
  tidy.look();
  while (account.collections === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  console.log(isOptimised());
`;

function urlOf(name: string): string {
  return new URL(`../../src/account/${name}.ts`, import.meta.url).href;
}

function staysOptimised(bytesMax: number): string {
  const flags = ['--allow-natives-syntax', '--no-warnings', '--input-type=module'];
  const env = { ...process.env, BYTES_MAX: `${bytesMax}` };
  return execFileSync(process.execPath, [...flags, '--eval', program], {
    ...{ env, encoding: 'utf8', timeout: childMsMax },
  });
}

test('leaves the code that serves requests where memory is not short', () => {
  expect(staysOptimised(8 * 1024 ** 3).trim()).toBe('true');
});

test('has memory at once where it is short, and the same code is gone', () => {
  expect(staysOptimised(1024).trim()).toBe('false');
});
