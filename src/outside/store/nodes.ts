/** Which nodes of an installation are there: each says so every few seconds. */
import type { SharedStore, Space } from './contract.ts';

export interface NodeEntry {
  readonly node: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
}

const space: Space = { area: 'node', name: 'nodes' };
/** A node that says nothing for so long is not there. */
const nodeTtlMs = 15_000;
const sayEveryMs = 5_000;
const listedMax = 1_000;

/** Rejects with StoreError. */
export async function readNodes(
  store: Pick<SharedStore, 'list' | 'read'>,
): Promise<readonly NodeEntry[]> {
  const { items } = await store.list(space, { prefix: new Uint8Array(), limit: listedMax });
  const entries = await store.read(
    space,
    items.map(({ key }) => key),
  );
  return entries.flatMap((entry) => (entry === undefined ? [] : parseEntry(entry.value)));
}

/** What is none, such as a row of another release, is left out. */
function parseEntry(value: Uint8Array): readonly NodeEntry[] {
  try {
    const { node, startedAtMs } = JSON.parse(Buffer.from(value).toString()) ?? {};
    const isEntry = typeof node === 'string' && Number.isFinite(startedAtMs);
    return isEntry ? [{ node, startedAtMs }] : [];
  } catch {
    return [];
  }
}

/** Says that this node is there, until it is closed. While the engine is away nothing is said. */
export class NodePresence {
  readonly #store: SharedStore;
  readonly #entry: NodeEntry;
  readonly #timer: NodeJS.Timeout;

  constructor(store: SharedStore, entry: NodeEntry) {
    this.#store = store;
    this.#entry = entry;
    this.#timer = setInterval(() => void this.#say(), sayEveryMs);
    this.#timer.unref();
    void this.#say();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #say(): Promise<void> {
    const value = Buffer.from(JSON.stringify(this.#entry));
    const key = Buffer.from(this.#entry.node);
    const write = { key, op: 'put', value, ttlMs: nodeTtlMs } as const;
    // It is said again soon; that the engine is away is told elsewhere.
    await this.#store.commit(space, [write], { deadlineMs: sayEveryMs }).catch(() => undefined);
  }
}
