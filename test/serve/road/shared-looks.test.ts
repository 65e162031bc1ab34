import { expect, it } from 'vitest';
import { SharedLooks } from '../../../src/serve/road/shared-looks.ts';

/** Looks that end when they are told to. */
class Looks {
  readonly shared = new SharedLooks<number>();
  readonly #ends: PromiseWithResolvers<number>[] = [];

  get begun(): number {
    return this.#ends.length;
  }

  ask(key = 'a'): Promise<number> {
    return this.shared.ask(key, () => {
      const end = Promise.withResolvers<number>();
      this.#ends.push(end);
      return end.promise;
    });
  }

  async end(look: number): Promise<void> {
    this.#ends[look]?.resolve(look);
    await new Promise(setImmediate);
  }

  async fail(look: number): Promise<void> {
    this.#ends[look]?.reject(new Error(`look ${look}`));
    await new Promise(setImmediate);
  }
}

it('gives those who come during a look the next one, all the same', async () => {
  const looks = new Looks();
  const first = looks.ask();
  const later = [looks.ask(), looks.ask(), looks.ask()];
  expect(looks.begun).toBe(1);
  await looks.end(0);
  expect(await first).toBe(0);
  expect(looks.begun).toBe(2);
  const last = looks.ask();
  await looks.end(1);
  expect(await Promise.all(later)).toEqual([1, 1, 1]);
  await looks.end(2);
  expect(await last).toBe(2);
});

it('looks at different things at the same time', async () => {
  const looks = new Looks();
  const both = [looks.ask('a'), looks.ask('b')];
  expect(looks.begun).toBe(2);
  await looks.end(1);
  await looks.end(0);
  expect(await Promise.all(both)).toEqual([0, 1]);
});

it('shares a failure, and looks again after it', async () => {
  const looks = new Looks();
  const failing = [looks.ask(), looks.ask(), looks.ask()].map((one) =>
    one.catch((error: Error) => error.message),
  );
  await looks.fail(0);
  await looks.fail(1);
  expect(await Promise.all(failing)).toEqual(['look 0', 'look 1', 'look 1']);
  const again = looks.ask();
  await looks.end(2);
  expect(await again).toBe(2);
});

it('remembers nothing when nobody waits', async () => {
  const looks = new Looks();
  const all = [looks.ask(), looks.ask(), looks.ask('b')];
  for (let look = 0; look < 3; look += 1) await looks.end(look);
  await Promise.all(all);
  expect(looks.shared.size).toBe(0);
});
