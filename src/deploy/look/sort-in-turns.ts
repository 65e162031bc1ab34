/**
 * Sorts what may be long without holding up its thread: twenty thousand names take some 20 ms.
 * Pure, but for the turns that it lets others have.
 */
import { setImmediate as othersTurn } from 'node:timers/promises';

/** Sorted, or merged, before others have a turn: well below a millisecond. */
const pieceItems = 1_024;

type IsBefore<T> = (left: T, right: T) => boolean;

/** A new list in order; equal items keep theirs. */
export async function sortInTurns<T>(
  items: readonly T[],
  isBefore: IsBefore<T>,
): Promise<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let start = 0; start < items.length; start += pieceItems) {
    if (start > 0) await othersTurn();
    runs.push(items.slice(start, start + pieceItems).sort(comparator(isBefore)));
  }
  while (runs.length > 1) {
    const longer: (readonly T[])[] = [];
    for (let index = 0; index < runs.length; index += 2) {
      longer.push(await merge(runs[index] ?? [], runs[index + 1] ?? [], isBefore));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merge<T>(
  left: readonly T[],
  right: readonly T[],
  isBefore: IsBefore<T>,
): Promise<readonly T[]> {
  const merged: T[] = [];
  let next = 0;
  for (const item of left) {
    for (let other = right[next]; next < right.length; other = right[next]) {
      if (other === undefined || !isBefore(other, item)) break;
      merged.push(other);
      next += 1;
      if (merged.length % pieceItems === 0) await othersTurn();
    }
    merged.push(item);
    if (merged.length % pieceItems === 0) await othersTurn();
  }
  return next === right.length ? merged : merged.concat(right.slice(next));
}

function comparator<T>(isBefore: IsBefore<T>): (left: T, right: T) => number {
  return (left, right) => {
    if (isBefore(left, right)) return -1;
    return isBefore(right, left) ? 1 : 0;
  };
}
