/** What a guest can wait for: requests under way, bodies, operations of stores. */

export interface ReadyItem {
  /** Whether what the guest waits for is there: then using it does not wait. */
  readonly isReady: boolean;
  /** Resolves when it is; never rejects. May be asked again. */
  whenReady(): Promise<void>;
  /**
   * Where somebody else says whether it is ready now: resolves when that has been said. Never
   * rejects. Left out: `isReady` is right at once.
   */
  whenKnown?(): Promise<void>;
}

/**
 * The place of the first item that is ready, in the order of the list; waits for one. Undefined
 * when `until` comes first.
 */
export async function selectReady(
  items: readonly ReadyItem[],
  until?: Promise<void>,
): Promise<number | undefined> {
  const now = firstReady(items);
  if (now !== undefined) return now;
  const waits = items.map((item) => item.whenReady());
  await Promise.race(until === undefined ? waits : [...waits, until]);
  return firstReady(items);
}

function firstReady(items: readonly ReadyItem[]): number | undefined {
  const place = items.findIndex((item) => item.isReady);
  return place === -1 ? undefined : place;
}
