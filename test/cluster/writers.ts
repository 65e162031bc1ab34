/**
 * Writers that append numbered tokens to keys of their own, over some nodes, and read them back as
 * they go. What was answered with 200 must be there in the end, nothing twice; and whoever wrote or
 * read something never reads less on that node.
 */
import { expect } from 'vitest';
import type { ClusterWorld, Node } from './world.ts';

export interface WritersOptions {
  readonly count: number;
  /** Their keys begin so. */
  readonly prefix: string;
  /** Left out: all nodes. */
  readonly nodes?: readonly Node[];
}

interface Writer {
  readonly key: string;
  sent: number;
  readonly acked: number[];
  /** By node: the most tokens that were read there. */
  readonly seen: Map<string, number>;
}

export class Writers {
  /** Requests that did not answer 200. */
  failed = 0;
  /** The longest that one was waited for, in milliseconds. */
  longestMs = 0;
  readonly #world: ClusterWorld;
  readonly #nodes: readonly Node[];
  readonly #writers: readonly Writer[];
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor(world: ClusterWorld, { count, nodes = world.nodes, prefix }: WritersOptions) {
    this.#world = world;
    this.#nodes = nodes;
    this.#writers = Array.from({ length: count }, (_, index) => {
      return { key: `${prefix}${index}`, sent: 0, acked: [], seen: new Map<string, number>() };
    });
    this.#running = Promise.all(this.#writers.map((each, index) => this.#run(each, index)));
    // What goes wrong is told by `stop`.
    this.#running.catch(() => undefined);
  }

  get acked(): number {
    return this.#writers.reduce((sum, each) => sum + each.acked.length, 0);
  }

  /** Rejects where somebody read less than before. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** Reads everything back on each node. */
  async check(): Promise<void> {
    for (const node of this.#nodes) {
      for (const each of this.#writers) await this.#checkOne(node, each);
    }
  }

  async #run(each: Writer, index: number): Promise<void> {
    while (!this.#isOver) {
      each.sent += 1;
      const node = this.#nodes[(index + each.sent) % this.#nodes.length];
      if (node === undefined) throw new RangeError('Cannot write: there are no nodes');
      const startedAtMs = performance.now();
      const path = `/kv.wasm/append?${each.key}=${each.sent},`;
      const answer = await this.#world.ask(node, path).catch(() => undefined);
      this.longestMs = Math.max(this.longestMs, performance.now() - startedAtMs);
      if (answer?.status === 200) each.acked.push(each.sent);
      else this.failed += 1;
      await this.#look(node, each, answer?.status === 200);
    }
  }

  /** Of what it wrote here it reads all here; and on no node less than it read there before. */
  async #look(node: Node, each: Writer, hasWritten: boolean): Promise<void> {
    const read = await this.#world.ask(node, `/kv.wasm/get?${each.key}`).catch(() => undefined);
    if (read?.status !== 200) return;
    const count = tokensOf(read.text).length;
    const least = Math.max(each.seen.get(node.name) ?? 0, hasWritten ? each.acked.length : 0);
    expect(count, `${each.key} on ${node.name}`).toBeGreaterThanOrEqual(least);
    each.seen.set(node.name, count);
  }

  async #checkOne(node: Node, { acked, key }: Writer): Promise<void> {
    const { text, status } = await this.#world.ask(node, `/kv.wasm/get?${key}`);
    if (acked.length > 0) expect(status, key).toBe(200);
    const tokens = status === 200 ? tokensOf(text) : [];
    const there = new Set(tokens);
    expect(acked.filter((token) => !there.has(token))).toEqual([]);
    expect(tokens.length).toBe(there.size);
    // One that was refused may have been stored later than those after it: once at most.
    const known = new Set(acked);
    expect(tokens.filter((token) => known.has(token))).toEqual(acked);
  }
}

function tokensOf(text: string): readonly number[] {
  return text.split(',').slice(0, -1).map(Number);
}
