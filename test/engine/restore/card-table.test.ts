import { describe, expect, test } from 'vitest';
import { CardMarks, CardTable } from '../../../src/engine/restore/card-table.ts';

const cardBytes = 512;
/** Of a page of WebAssembly. */
const cardsPerPage = 128;

function newTable(): CardTable {
  return new CardTable(new WebAssembly.Memory({ initial: 1, maximum: 1 }));
}

function newMarks(table: CardTable, pages = 4): CardMarks {
  return new CardMarks(table, new WebAssembly.Memory({ initial: pages, maximum: 64 }));
}

/** The stretches of marked cards, which are cleared. */
function drain(marks: CardMarks, pages = 4): (readonly [number, number])[] {
  const stretches: (readonly [number, number])[] = [];
  marks.drain((first, end) => stretches.push([first, end]), pages * cardsPerPage);
  return stretches;
}

describe('CardMarks', () => {
  test('drain() joins neighbours to stretches, counts pages, and leaves no card marked', () => {
    const table = newTable();
    const marks = newMarks(table);
    marks.own();
    for (const card of [0, 1, 3, 7, 8, 9, 510, 511]) table.cards[card] = 1;
    const stretches: number[] = [];
    const count = marks.drain((first, end) => stretches.push(first, end), 4 * cardsPerPage);
    expect(count).toBe(3);
    expect(stretches).toEqual([0, 2, 3, 4, 7, 10, 510, 512]);
    expect(drain(marks)).toEqual([]);
  });

  test('mark() marks every card that a range touches', () => {
    const table = newTable();
    const marks = newMarks(table);
    marks.own();
    marks.mark(cardBytes - 1, 1);
    marks.mark(5 * cardBytes - 1, 2 * cardBytes + 2);
    expect(drain(marks)).toEqual([
      [0, 1],
      [4, 8],
    ]);
  });

  test('counts each page that was ever written to, and what a store may reach of the next', () => {
    const table = newTable();
    const marks = newMarks(table);
    marks.own();
    for (const card of [0, 1, 15, 40]) table.cards[card] = 1;
    drain(marks);
    expect(marks.touchedCount).toBe(4);
    marks.mark(40 * cardBytes, 1);
    marks.touch(5, 8);
    drain(marks);
    expect(marks.touchedCount).toBe(6);
    marks.touch(1_000, 1_001);
    expect(marks.touchedCount).toBe(7);
  });

  test('a guest keeps its marks while another has the table, and sees none of the other', () => {
    const table = newTable();
    const [first, second] = [newMarks(table), newMarks(table)];
    first.own();
    table.cards[7] = 1;
    second.own();
    table.cards[9] = 1;
    first.own();
    table.cards[11] = 1;
    expect(drain(second)).toEqual([[9, 10]]);
    expect(drain(first)).toEqual([
      [7, 8],
      [11, 12],
    ]);
  });

  test('a guest that has left a clear table behind has nothing set aside', () => {
    const table = newTable();
    const [first, second] = [newMarks(table), newMarks(table)];
    first.own();
    table.cards[7] = 1;
    drain(first);
    first.leave();
    second.own();
    table.cards[9] = 1;
    // Only who has the table leaves it.
    first.leave();
    expect(table.isOwnedBy(second)).toBe(true);
    first.own();
    table.cards[500] = 1;
    expect(drain(first)).toEqual([[500, 501]]);
    expect(drain(second)).toEqual([[9, 10]]);
  });

  test('a guest that is put back while another has the table gives it back to that one', () => {
    const table = newTable();
    const [ended, running, next] = [newMarks(table), newMarks(table), newMarks(table)];
    ended.own();
    table.cards[7] = 1;
    running.own();
    table.cards[9] = 1;
    expect(drain(ended)).toEqual([[7, 8]]);
    ended.leave();
    expect(table.isOwnedBy(running)).toBe(true);
    table.cards[11] = 1;
    next.own();
    table.cards[13] = 1;
    expect(drain(next)).toEqual([[13, 14]]);
    next.leave();
    expect(drain(running)).toEqual([
      [9, 10],
      [11, 12],
    ]);
  });

  test('marks that were set aside at both ends, by the guest and the host, are all there', () => {
    const table = newTable();
    const [first, second] = [newMarks(table), newMarks(table)];
    for (const cards of [[200], [0, 511], [300]]) {
      first.own();
      for (const card of cards) table.cards[card] = 1;
      second.own();
    }
    first.mark(100 * cardBytes, 1);
    first.mark(400 * cardBytes - 1, 2);
    expect(drain(first).map(([start]) => start)).toEqual([0, 100, 200, 300, 399, 511]);
    second.own();
    expect(drain(first)).toEqual([]);
    second.own();
    first.mark(50 * cardBytes, 1);
    expect(drain(first)).toEqual([[50, 51]]);
  });

  test('mark() of a guest that waits goes to its own cards', () => {
    const table = newTable();
    const [waiting, running] = [newMarks(table), newMarks(table)];
    waiting.own();
    running.own();
    waiting.mark(3 * cardBytes, 10);
    expect(drain(running)).toEqual([]);
    expect(drain(waiting)).toEqual([[3, 4]]);
  });

  test('a memory that grew while its guest waited has room for its marks', () => {
    const table = newTable();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 64 });
    const [marks, other] = [new CardMarks(table, memory), newMarks(table)];
    marks.own();
    table.cards[1] = 1;
    other.own();
    memory.grow(7);
    marks.mark(8 * 65_536 - 1, 1);
    marks.own();
    table.cards[100] = 1;
    other.own();
    expect(drain(marks, 8)).toEqual([
      [1, 2],
      [100, 101],
      [1_023, 1_024],
    ]);
  });

  test('discard() leaves the table clear for the next guest, and only if it had it', () => {
    const table = newTable();
    const [gone, next] = [newMarks(table), newMarks(table)];
    gone.own();
    table.cards[5] = 1;
    gone.discard();
    next.own();
    expect(drain(next)).toEqual([]);
    table.cards[6] = 1;
    gone.discard();
    expect(drain(next)).toEqual([[6, 7]]);
  });
});
