import { describe, expect, test } from 'vitest';
import { JudgeQueue } from '../../../src/deploy/build/judge-queue.ts';
import type { Progress } from '../../../src/deploy/build/progress.ts';
import type { ListedFile } from '../../../src/deploy/look/scan.ts';
import { pathOf } from '../world.ts';

function file(name: string, sizeBytes: number, stamp = name): ListedFile {
  return { path: pathOf(name), realPath: `/d/${name}`, stamp, sizeBytes, changedAtMs: 0 };
}

/** Judges when it is told to. */
function makeQueue() {
  const judged: string[] = [];
  const failed: string[] = [];
  const steps: Progress[] = [];
  const gates: (() => void)[] = [];
  let idles = 0;
  const queue = new JudgeQueue({
    judge: async ({ path, stamp }, progress) => {
      judged.push(stamp);
      steps.push(progress);
      await new Promise<void>((resolve) => gates.push(resolve));
      if (path === 'bad.wasm') throw new RangeError('bad');
    },
    onTrouble: ({ path }) => failed.push(path),
    onIdle: () => {
      idles += 1;
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const step = async () => {
    await turn();
    gates.shift()?.();
    await turn();
  };
  return { queue, judged, failed, steps, step, turn, idles: () => idles };
}

describe('JudgeQueue', () => {
  test('judges the smallest first, one at a time', async () => {
    const { queue, judged, step, idles } = makeQueue();
    for (const [name, size] of [
      ['large', 300],
      ['small', 1],
      ['middle', 20],
    ] as const) {
      queue.put(file(name, size));
    }
    await step();
    expect(judged).toEqual(['small', 'middle']);
    await step();
    await step();
    await queue.idle();
    expect(judged).toEqual(['small', 'middle', 'large']);
    expect([queue.isBusy, idles()]).toEqual([false, 1]);
  });

  test('judges what answers for whole directories before the others', async () => {
    const { queue, judged, step } = makeQueue();
    queue.put(file('small.wasm', 1));
    queue.put(file('dir/index.wasm', 500));
    queue.put(file('index.wasm', 300));
    queue.put(file('my-index.wasm', 2));
    for (let count = 0; count < 4; count += 1) await step();
    expect(judged).toEqual(['index.wasm', 'dir/index.wasm', 'small.wasm', 'my-index.wasm']);
  });

  test('says how far what a request waits for is', async () => {
    const { queue, steps, step, turn } = makeQueue();
    queue.put(file('large', 11_500_000));
    await turn();
    queue.put(file('small', 1));
    using large = queue.want(pathOf('large'));
    using small = queue.want(pathOf('small'));
    using none = queue.want(pathOf('none'));
    expect(large.progress()).toMatch(/^the module \(11\.5 MB\) is being read: step 1 of 4, after/);
    steps[0]?.enter('tried');
    expect(large.progress()).toMatch(/is being compiled on trial: step 3 of 4/);
    expect(small.progress()).toBe('the module waits for another of its folder');
    expect(none.progress()).toBeUndefined();
    await step();
    expect(small.progress()).toMatch(/\(0\.0 MB\) is being read/);
    await step();
    expect(small.progress()).toBeUndefined();
  });

  test('judges what a request waits for before all others', async () => {
    const { queue, judged, step } = makeQueue();
    queue.put(file('first', 1));
    await step();
    for (const name of ['a', 'b', 'c']) queue.put(file(name, 10));
    queue.put(file('large', 1_000));
    {
      using _ = queue.want(pathOf('large'));
      using __ = queue.want(pathOf('large'));
    }
    using _ = queue.want(pathOf('large'));
    await step();
    expect(judged).toEqual(['first', 'large', 'a']);
    await step();
    await step();
    await step();
  });

  test('does not judge again what is being judged, but what was written meanwhile', async () => {
    const { queue, judged, step, turn } = makeQueue();
    queue.put(file('a', 1, 'one'));
    await turn();
    queue.put(file('a', 1, 'one'));
    queue.put(file('a', 1, 'two'));
    queue.put(file('a', 1, 'three'));
    await step();
    await step();
    await queue.idle();
    expect(judged).toEqual(['one', 'three']);
  });

  test('goes on after a failure, and forgets what is dropped', async () => {
    const { queue, judged, failed, step } = makeQueue();
    queue.put(file('bad.wasm', 1));
    queue.put(file('gone', 2));
    queue.put(file('good', 3));
    queue.drop(pathOf('gone'));
    await step();
    await step();
    await queue.idle();
    expect([judged, failed]).toEqual([['bad.wasm', 'good'], ['bad.wasm']]);
  });

  test('judges nothing after it is closed', async () => {
    const { queue, judged, step, turn } = makeQueue();
    queue.put(file('a', 1));
    queue.put(file('b', 2));
    await turn();
    const closed = queue.close();
    await step();
    await closed;
    queue.put(file('c', 3));
    await turn();
    expect(judged).toEqual(['a']);
  });
});
