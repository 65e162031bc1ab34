import { executionAsyncResource } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { TickShape } from '../../src/account/tick-shape.ts';

setFlagsFromString('--expose-gc');
setFlagsFromString('--allow-natives-syntax');
const collect = runInNewContext('gc') as () => void;
const haveSameShape = new Function('one', 'other', 'return %HaveSameMap(one, other)');

const nextTick = (): Promise<object> =>
  new Promise((resolve) => process.nextTick(() => resolve(executionAsyncResource())));

it('keeps a tick as each one is made, also after collections', async () => {
  const shape = new TickShape();
  expect(shape.tick).toBeUndefined();
  await nextTick();
  expect(shape.tick).toHaveProperty('callback');
  for (let round = 0; round < 3; round += 1) {
    await new Promise(setImmediate);
    collect();
    expect(haveSameShape(shape.tick, await nextTick())).toBe(true);
  }
});
