import { expect, test } from 'vitest';
import { Talk } from '../abi/wasip1/messages/talk.ts';
import { World } from '../support/abi-world.ts';
import { untilHolds } from '../support/until-holds.ts';
import { echoGuest } from '../support/websocket-guests.ts';
import { Engine, sharesOf, TestExchange } from './world.ts';

/** A client that says nothing until it goes. */
class SilentTalk extends Talk {
  readonly #gone = Promise.withResolvers<void>();
  /** Whether its guest waits for a message. */
  isAwaited = false;

  override whenReady(): Promise<void> {
    this.isAwaited = true;
    return this.#gone.promise;
  }

  goAway(): void {
    this.isOver = true;
    this.#gone.resolve();
  }
}

test('conversations leave a quarter of the instances to requests', async () => {
  using engine = new Engine({ limits: { instancesMax: 4 } });
  const loaded = engine.load(await echoGuest());
  const talks = [1, 2, 3].map(() => new SilentTalk());
  const converse = (talk: Talk) =>
    engine.pool
      .acquire(loaded, sharesOf())
      .converse(new TestExchange({}, new Uint8Array(0)), new World(), talk);
  const reports = talks.map(converse);
  await untilHolds(() => expect(talks.every(({ isAwaited }) => isAwaited)).toBe(true));
  const refused = await converse(new Talk());
  expect(refused.error?.code).toBe('overloaded');
  const { report } = await engine.run(engine.load('hello'), { owner: '/other' });
  expect(report.outcome).toBe('replied');
  for (const talk of talks) talk.goAway();
  for (const { outcome, error } of await Promise.all(reports)) {
    expect([outcome, error]).toEqual(['replied', undefined]);
  }
});
