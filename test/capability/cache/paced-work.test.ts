import { describe, expect, test } from 'vitest';
import { PacedWork } from '../../../src/capability/cache/paced-work.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that takes a millisecond each, on a clock of its own. */
class Bench {
  nowMs = 0;
  readonly done: string[] = [];
  readonly work = new PacedWork(() => this.nowMs);

  do(name: string): void {
    this.work.do(() => {
      this.#take(name);
      return undefined;
    });
  }

  doInSteps(name: string, count: number): void {
    this.work.do(() => this.#steps(name, count));
  }

  *#steps(name: string, count: number): Generator<undefined, void> {
    for (let step = 1; step <= count; step += 1) {
      this.#take(`${name}${step}`);
      yield;
    }
  }

  #take(name: string): void {
    this.nowMs += 1;
    this.done.push(name);
  }
}

describe('PacedWork', () => {
  test('does at once what there is time for, and the rest in later turns, in order', async () => {
    const bench = new Bench();
    for (const name of ['a', 'b', 'c', 'd', 'e']) bench.do(name);
    expect(bench.done).toEqual(['a', 'b']);
    await nextTurn();
    expect(bench.done).toEqual(['a', 'b', 'c', 'd']);
    bench.do('f');
    await nextTurn();
    expect(bench.done).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('what is done in steps keeps nobody waiting who comes meanwhile', async () => {
    const bench = new Bench();
    bench.doInSteps('purge', 6);
    bench.do('look');
    expect(bench.done).toEqual(['purge1', 'purge2']);
    for (let turn = 0; turn < 6; turn += 1) await nextTurn();
    expect(bench.done.indexOf('look')).toBeLessThan(bench.done.indexOf('purge5'));
    expect(bench.done).toHaveLength(7);
  });
});
