/** One space of the shared store, for one run. The door: sizes and counts are checked here. */
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { KeyValueOp } from '../../journal/counter-fields.ts';
import { type SharedStore, type Space, StoreError } from '../../outside/store/contract.ts';
import { CapabilityRefusal, type RefusalKind } from '../refusal.ts';
import type {
  KeyValueStore,
  StoreChange,
  StoreChanged,
  StoredEntry,
  StoreListing,
} from './contract.ts';

/** What the stores of one run have in common. */
export interface RunDoor {
  readonly store: SharedStore;
  readonly limits: Pick<Limits, 'kvKeyBytesMax' | 'kvValueBytesMax' | 'kvOperationsPerRunMax'>;
  /** How long a write may wait for its answer. */
  readonly wait: { readonly deadlineMs: number };
  /** Operations of all its stores so far. */
  operations: number;
  /** Counts an operation that was allowed. */
  note(op: KeyValueOp): void;
  /** Does `work`, for which `bytes` wait. Rejects with CapabilityRefusal. */
  queue<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

/** What a waiting write weighs beside its key and value: empty ones are bounded too. */
const requestBytes = 100;
const listedMax = 1_000;

const verbs: Readonly<Record<StoreChange['op'], KeyValueOp>> = {
  put: 'store',
  add: 'store',
  append: 'append',
  prepend: 'append',
  increment: 'count',
  delete: 'remove',
};

export class RunStore implements KeyValueStore {
  readonly #run: RunDoor;
  readonly #space: Space;

  constructor(run: RunDoor, space: Space) {
    this.#run = run;
    this.#space = space;
  }

  /** As `read`, of one key. */
  async get(key: Uint8Array): Promise<StoredEntry | undefined> {
    this.#admit('read', key);
    try {
      return (await this.#run.store.read(this.#space, [key]))[0];
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async read(keys: readonly Uint8Array[]): Promise<readonly (StoredEntry | undefined)[]> {
    for (const key of keys) this.#admit('read', key);
    try {
      return await this.#run.store.read(this.#space, keys);
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async change(change: StoreChange): Promise<StoreChanged> {
    this.#admit(verbs[change.op], change.key, change.value);
    const { store, wait } = this.#run;
    const work = () => store.change(this.#space, change, wait);
    return this.#run.queue(weightOf(change), work);
  }

  async commit(writes: readonly StoreChange[]): Promise<boolean> {
    let bytes = 0;
    const plain = writes.map((write) => {
      const { op, key, value } = write;
      if (op !== 'put' && op !== 'delete') {
        const rule = 'only what is stored or removed can be done together';
        throw new CapabilityRefusal('input', `Cannot store: ${rule}: received ${op}`);
      }
      this.#admit(verbs[op], key, value);
      bytes += weightOf(write);
      return { ...write, op };
    });
    const { store, wait } = this.#run;
    const work = () => store.commit(this.#space, plain, wait);
    const result = await this.#run.queue(bytes, work);
    return result.kind === 'done';
  }

  async list({
    prefix,
    after,
    limit,
  }: Parameters<KeyValueStore['list']>[0]): Promise<StoreListing> {
    this.#admit('list', prefix);
    const asked = { prefix, limit: Math.min(Math.max(1, limit), listedMax) };
    const options = after === undefined ? asked : { ...asked, after };
    const { items, isLast } = await this.#run.store.list(this.#space, options).catch(rethrow);
    return { keys: items.map(({ key }) => key), sizes: items.map(({ bytes }) => bytes), isLast };
  }

  #admit(verb: KeyValueOp, key: Uint8Array, value?: Uint8Array): void {
    const run = this.#run;
    const { kvKeyBytesMax, kvValueBytesMax, kvOperationsPerRunMax } = run.limits;
    run.operations += 1;
    if (run.operations > kvOperationsPerRunMax) {
      const rule = `a run may use the key-value store ${kvOperationsPerRunMax} times`;
      throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received one more`);
    }
    if (key.byteLength > kvKeyBytesMax) {
      const rule = `a key has at most ${inBytes(kvKeyBytesMax)}`;
      throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received ${key.byteLength}`);
    }
    const valueBytes = value?.byteLength ?? 0;
    if (valueBytes > kvValueBytesMax) {
      const rule = `a value has at most ${inBytes(kvValueBytesMax)}`;
      throw new CapabilityRefusal('limit', `Cannot ${verb}: ${rule}: received ${valueBytes}`);
    }
    run.note(verb);
  }
}

function weightOf({ key, value, meta }: StoreChange): number {
  return key.byteLength + (value?.byteLength ?? 0) + (meta?.byteLength ?? 0) + requestBytes;
}

function rethrow(error: unknown): never {
  throw asRefusal(error);
}

const kinds: Readonly<Record<StoreError['kind'], RefusalKind>> = {
  input: 'input',
  limit: 'limit',
  full: 'full',
  unavailable: 'unavailable',
  unknown: 'unavailable',
  refused: 'unavailable',
};

/** The store's errors in the words of capabilities; others stay what they are. */
export function asRefusal(cause: unknown): unknown {
  if (!(cause instanceof StoreError)) return cause;
  return new CapabilityRefusal(kinds[cause.kind], cause.message, { cause });
}
