import { describe, expect, test } from 'vitest';
import { newInstanceState, Task } from '../../../../src/abi/component/tasks/task.ts';
import { Thread, Threads } from '../../../../src/abi/component/tasks/threads.ts';

const facts = {
  instance: newInstanceState(),
  mayBlock: true,
  isAsync: true,
  hasCallback: true,
  resultKey: 0,
  encoding: 'utf8',
  memory: undefined,
};

function openThread(): Thread {
  return new Thread(new Task(facts, { onResolve: () => undefined }), []);
}

function openThreads(): { readonly threads: Threads; readonly first: Thread } {
  const threads = new Threads({ beforeIdle: () => undefined });
  const first = openThread();
  threads.begin(first);
  return { threads, first };
}

const yes = (): boolean => true;
const no = (): boolean => false;

describe('Threads', () => {
  test('a line goes on whose wait is over and that is alone', () => {
    const { threads } = openThreads();
    expect([threads.goesOn(yes), threads.goesOn(no)]).toEqual([true, false]);
  });

  test('not where another waits, which may have its turn now', async () => {
    const { threads } = openThreads();
    const other = openThread();
    await threads.start(other, async () => {
      await threads.block(no, false);
    });
    expect(threads.goesOn(yes)).toBe(false);
  });

  test('not where somebody waits until it blocks', () => {
    const { threads } = openThreads();
    const seen: boolean[] = [];
    void threads.start(openThread(), async () => {
      seen.push(threads.goesOn(yes));
    });
    expect(seen).toEqual([false]);
  });

  test('not where it is to be told that nobody wants its answer', () => {
    const { threads, first } = openThreads();
    first.task.state = 'to-cancel';
    expect(threads.goesOn(yes)).toBe(false);
  });

  test('not where nothing may wait any more', () => {
    const { threads } = openThreads();
    threads.fail(new Error('over'));
    expect(threads.goesOn(yes)).toBe(false);
  });
});
