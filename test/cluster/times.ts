/**
 * How long things took by the daemons' own logs, against what several nodes must keep to. All nodes
 * of a test have the clock of this machine. Of a short run, as in CI, the times are only shown:
 * others may use the machine.
 */
import { expect } from 'vitest';
import type { LogLine } from '../support/daemon.ts';
import { isShort, type Node } from './world.ts';

/** When it was told, in milliseconds since the Unix epoch. */
export function timeOf({ time }: LogLine): number {
  const atMs = Date.parse(String(time));
  if (Number.isNaN(atMs)) throw new TypeError(`Cannot read the time of a line: received ${time}`);
  return atMs;
}

/** @param what "a new module is on all nodes": what took so long. */
export function expectWithin(what: string, tookMs: number, limitMs: number): void {
  process.stdout.write(`${what} after ${tookMs} ms, at most ${limitMs} on an idle machine\n`);
  if (!isShort) expect(tookMs, what).toBeLessThanOrEqual(limitMs);
}

/**
 * Waits until all nodes have told it, and says how long after the first one the last one did.
 *
 * @param since Lines before that are of something else: see `marks`.
 */
export async function spreadOf(
  nodes: readonly Node[],
  since: readonly number[],
  matches: (line: LogLine) => boolean,
): Promise<number> {
  const told = await Promise.all(
    nodes.map(async ({ daemon }, index) => {
      const from = since[index] ?? 0;
      return timeOf(
        await daemon.waitForLog((line) => daemon.log.indexOf(line) >= from && matches(line)),
      );
    }),
  );
  return Math.max(...told) - Math.min(...told);
}

/** How much each node has told so far. */
export function marks(nodes: readonly Node[]): readonly number[] {
  return nodes.map(({ daemon }) => daemon.log.length);
}
