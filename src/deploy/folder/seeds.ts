/**
 * What key-value stores of a folder begin with. A seed is stored like anything that a guest writes,
 * so that all operations of guests are atomic with it. Beside the store it is noted which seed was
 * stored for a key, at which revision: what a guest has written or deleted since is the guest's.
 */
import { createHash } from 'node:crypto';
import type { FolderKey } from '../../names.ts';
import {
  type SharedStore,
  type Space,
  StoreError,
  type StoreErrorKind,
} from '../../outside/store/contract.ts';
import { namedSpace, seedSpace } from '../../outside/store/spaces.ts';
import type { Seed, Seeds } from '../../site/fastly/resolve.ts';

export interface Sown {
  /** What the owner should be told. */
  readonly notes: readonly string[];
  /** False: the store could not be reached; to be tried again. */
  readonly isDone: boolean;
}

/** What was stored for a key. */
interface Marker {
  readonly digest: string;
  /** Of the seed; 0: the key is a guest's. */
  readonly revision: number;
}

const atOnceMax = 64;
const listedMax = 1_000;
const wait = { deadlineMs: 10_000 };
/** Trying again would end the same. */
const finalKinds: ReadonlySet<StoreErrorKind> = new Set(['input', 'limit', 'full']);

export class StoreSeeds {
  readonly #store: Pick<SharedStore, 'read' | 'list' | 'change' | 'commit'>;

  constructor(store: Pick<SharedStore, 'read' | 'list' | 'change' | 'commit'>) {
    this.#store = store;
  }

  /** Stores what is new, and takes away what is no seed any more and nobody has touched. */
  async sow(folderKey: FolderKey, seeds: Seeds): Promise<Sown> {
    const notes: string[] = [];
    let isDone = true;
    for (const [name, entries] of seeds) {
      const spaces = { data: namedSpace(folderKey, name), notes: seedSpace(folderKey, name) };
      try {
        await this.#sowStore(spaces, entries);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        notes.push(
          `not all that the key-value store ${name} begins with is there: ${error.message}`,
        );
        isDone &&= finalKinds.has(error.kind);
      }
    }
    return { notes, isDone };
  }

  async #sowStore(spaces: Spaces, entries: ReadonlyMap<string, Seed>): Promise<void> {
    const known = await this.#markedKeys(spaces.notes);
    const keys = [...new Set([...entries.keys(), ...known])];
    for (let from = 0; from < keys.length; from += atOnceMax) {
      await this.#sowSome(spaces, keys.slice(from, from + atOnceMax), entries);
    }
  }

  async #markedKeys(space: Space): Promise<readonly string[]> {
    const keys: string[] = [];
    for (let after: Uint8Array | undefined; ; ) {
      const page = { prefix: new Uint8Array(0), limit: listedMax };
      const { items, isLast } = await this.#store.list(
        space,
        after === undefined ? page : { ...page, after },
      );
      keys.push(...items.map(({ key }) => Buffer.from(key).toString('utf8')));
      after = items.at(-1)?.key;
      if (isLast || after === undefined) return keys;
    }
  }

  async #sowSome(
    spaces: Spaces,
    keys: readonly string[],
    entries: ReadonlyMap<string, Seed>,
  ): Promise<void> {
    const bytes = keys.map((key) => Buffer.from(key));
    const marked = await this.#store.read(spaces.notes, bytes);
    const markers = await Promise.all(
      keys.map(async (key, index) => {
        const before = parseMarker(marked[index]?.value);
        const seed = entries.get(key);
        const after =
          seed === undefined
            ? await this.#takeAway(spaces.data, key, before)
            : await this.#sowKey(spaces.data, { key, seed, before });
        return { key, before, after };
      }),
    );
    const writes = markers
      .filter(({ before, after }) => before !== after)
      .map(({ key, after }) => ({
        key: Buffer.from(key),
        ...(after === undefined
          ? { op: 'delete' as const }
          : { op: 'put' as const, value: Buffer.from(`${after.revision} ${after.digest}`) }),
      }));
    if (writes.length > 0) await this.#store.commit(spaces.notes, writes, wait);
  }

  /** The marker from now on; the same object where nothing changes. */
  async #sowKey(
    space: Space,
    at: { readonly key: string; readonly seed: Seed; readonly before: Marker | undefined },
  ): Promise<Marker> {
    const { key, seed, before } = at;
    const digest = digestOf(seed);
    if (before?.digest === digest) return before;
    const [entry] = await this.#store.read(space, [Buffer.from(key)]);
    // A daemon that was killed between the two writes: the seed is there, and nothing noted of it.
    const isSame =
      entry !== undefined && digestOf({ value: entry.value, meta: entry.meta }) === digest;
    if (before === undefined && isSame) return { digest, revision: entry.revision };
    const isTouched =
      before === undefined
        ? entry !== undefined
        : before.revision === 0 || before.revision !== entry?.revision;
    if (isTouched) return { digest, revision: 0 };
    const { value, metadata } = seed;
    const result = await this.#store.change(
      space,
      {
        ...{ key: Buffer.from(key), op: 'put', value },
        ...(metadata === undefined ? {} : { meta: Buffer.from(metadata) }),
        ifRevision: entry?.revision ?? 0,
      },
      wait,
    );
    return { digest, revision: result.kind === 'done' ? result.revision : 0 };
  }

  async #takeAway(space: Space, key: string, before: Marker | undefined): Promise<undefined> {
    if (before === undefined || before.revision === 0) return;
    const change = { key: Buffer.from(key), op: 'delete', ifRevision: before.revision } as const;
    await this.#store.change(space, change, wait);
  }
}

interface Spaces {
  readonly data: Space;
  readonly notes: Space;
}

function digestOf(seed: {
  readonly value: Uint8Array;
  readonly metadata?: string;
  readonly meta?: Uint8Array | undefined;
}): string {
  const meta = seed.meta ?? Buffer.from(seed.metadata ?? '');
  const hash = createHash('sha256').update(`${meta.length} `).update(meta).update(seed.value);
  return hash.digest('base64url');
}

function parseMarker(value: Uint8Array | undefined): Marker | undefined {
  if (value === undefined) return undefined;
  const [revision = '', digest = ''] = Buffer.from(value).toString('utf8').split(' ', 2);
  return { digest, revision: Number(revision) };
}
