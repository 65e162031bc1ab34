/** Whose news make the lines of a guest be looked through: that is nobody's time. */
import { describe, expect, test } from 'vitest';
import { newInstanceState, Task } from '../../../../src/abi/component/tasks/task.ts';
import { Thread, Threads } from '../../../../src/abi/component/tasks/threads.ts';
import { noEvent, Waitable, WaitableSet } from '../../../../src/abi/component/tasks/waitable.ts';

const COUNT = 1_000;
const facts = {
  instance: newInstanceState(),
  mayBlock: true,
  isAsync: true,
  hasCallback: true,
  resultKey: 0,
  encoding: 'utf8',
  memory: undefined,
};

class Thing extends Waitable {}

/** A line that waits for a set, and cannot go on yet. */
function openStage() {
  const threads = new Threads({ beforeIdle: () => undefined });
  threads.begin(new Thread(new Task(facts, { onResolve: () => undefined }), []));
  const isOver = threads.expect();
  const set = new WaitableSet();
  set.waiting = 1;
  const stage = { threads, isOver, set, looks: 0, isFree: false, waits: Promise.resolve('') };
  const isReady = (): boolean => {
    stage.looks += 1;
    return stage.isFree && set.hasEvent;
  };
  stage.waits = threads.block(isReady, false).catch((error: Error) => error.message);
  stage.looks = 0;
  return stage;
}

function openThings({ threads }: ReturnType<typeof openStage>): readonly Thing[] {
  const onEvent = (isAwaited: boolean): void => threads.poke(isAwaited);
  return Array.from({ length: COUNT }, () => new Thing(onEvent));
}

describe('news', () => {
  test('that nobody waits for let nobody be looked at', () => {
    const stage = openStage();
    const other = new WaitableSet();
    for (const [place, thing] of openThings(stage).entries()) {
      if (place % 2 === 0) thing.join(other);
      thing.setEvent({ take: () => noEvent });
    }
    expect(stage.looks).toBe(0);
  });

  test('of a set that is waited for do so once, until they are taken', () => {
    const stage = openStage();
    const [first, ...others] = openThings(stage);
    for (const thing of [first, ...others]) thing?.join(stage.set);
    first?.setEvent({ take: () => noEvent });
    const { looks } = stage;
    expect(looks).toBeGreaterThan(0);
    for (const thing of others) thing.setEvent({ take: () => noEvent });
    expect(stage.looks).toBe(looks);
  });

  test('wake who waits for them', async () => {
    const stage = openStage();
    const [thing] = openThings(stage);
    thing?.join(stage.set);
    stage.isFree = true;
    thing?.setEvent({ take: () => noEvent });
    expect(await stage.waits).toBe('ready');
  });

  test('of what one line waits for alone let it be looked at', () => {
    const stage = openStage();
    const [thing] = openThings(stage);
    if (thing !== undefined) thing.isAwaited = true;
    thing?.setEvent({ take: () => noEvent });
    expect(stage.looks).toBeGreaterThan(0);
  });

  test('that are the last, and nobody’s, end the wait', async () => {
    const stage = openStage();
    const [thing] = openThings(stage);
    stage.isOver();
    thing?.setEvent({ take: () => noEvent });
    expect(await stage.waits).toMatch(/left to wait for/);
  });
});
