/**
 * Key-value stores by the interfaces that components have for them: `wasi:keyvalue` in two drafts,
 * and Spin's. `default`, or no name, is the module's own store where the folder names none so.
 */

import { Buffer } from 'node:buffer';
import { inBytes } from '../../amounts.ts';
import type { KeyValueStore } from '../../capability/kv/contract.ts';
import { CapabilityRefusal } from '../../capability/refusal.ts';
import type { HeldForRun } from '../objects/held-for-run.ts';
import { ObjectError } from '../objects/object-error.ts';
import { type HostFunction, type HostInterface, waiting } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostResource } from './handles.ts';
import { failed, ok, type Variant } from './results.ts';
import {
  atomicsDraft,
  atomicsDraft2,
  batch,
  spinKeyValue,
  storeDraft,
  storeDraft2,
} from './wit/keyvalue.ts';

const ownStoreName = 'default';
const pageKeysMax = 1_000;
/** What one call brings of values or keys: a guest could ask for a thousand large ones. */
const answerBytesMax = 16 * 1024 * 1024;
const noPrefix = new Uint8Array(0);

/** Where the cases of an interface's `error` begin. */
export interface ErrorCases {
  readonly noSuchStore: number;
}

const wasiCases: ErrorCases = { noSuchStore: 0 };
/** One about too many open stores comes first; they are handles like others here. */
export const spinCases: ErrorCases = { noSuchStore: 1 };

export function errorOf({ noSuchStore }: ErrorCases, error: unknown): Variant {
  const isRefusal = error instanceof CapabilityRefusal;
  if (!isRefusal && !(error instanceof ObjectError)) throw error;
  if (isRefusal && error.kind === 'forbidden') {
    return failed({ tag: noSuchStore + 1, value: undefined });
  }
  return failed({ tag: noSuchStore + 2, value: error.message });
}

/** Counts what one call brings. */
class Answer {
  #bytes = 0;

  /** @throws CapabilityRefusal `limit` */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= answerBytesMax) return;
    const rule = `one call brings at most ${inBytes(answerBytesMax)}`;
    throw new CapabilityRefusal('limit', `Cannot read: ${rule}: received more`);
  }
}

/** A store that is open. */
export class Bucket extends HostResource {
  readonly store: KeyValueStore;
  readonly cases: ErrorCases;
  /** Where pages of keys begin, for cursors that are numbers. */
  readonly #pages: Uint8Array[] = [];

  constructor(store: KeyValueStore, cases: ErrorCases) {
    super();
    this.store = store;
    this.cases = cases;
  }

  /** `result<…, error>` of what `act` gives. */
  async try<T>(act: () => Promise<T>): Promise<Variant> {
    try {
      return ok(await act());
    } catch (error) {
      return errorOf(this.cases, error);
    }
  }

  get(key: string): Promise<Variant> {
    return this.try(async () => (await this.#entry(key))?.value);
  }

  exists(key: string): Promise<Variant> {
    return this.try(async () => (await this.#entry(key)) !== undefined);
  }

  set(key: string, value: Uint8Array): Promise<Variant> {
    return this.try(() => this.put(key, value));
  }

  delete(key: string): Promise<Variant> {
    return this.try(() => this.remove(key));
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.store.change({ key: bytesOf(key), op: 'put', value });
  }

  async remove(key: string): Promise<void> {
    await this.store.change({ key: bytesOf(key), op: 'delete' });
  }

  increment(key: string, by: bigint): Promise<Variant> {
    return this.try(async () => {
      const changed = await this.store.change({ key: bytesOf(key), op: 'increment', by });
      return changed.kind === 'done' ? (changed.number ?? 0n) : 0n;
    });
  }

  /** A page of keys, and where the next one begins: undefined at the end. */
  async page(
    after: Uint8Array | undefined,
  ): Promise<{ readonly keys: readonly string[]; readonly last: Uint8Array | undefined }> {
    const { keys, isLast } = await this.store.list({
      ...{ prefix: noPrefix, limit: pageKeysMax },
      ...(after === undefined ? {} : { after }),
    });
    // What other guests stored under other bytes has no name here.
    const texts = keys.map(textOf).filter((key) => key !== undefined);
    return { keys: texts, last: isLast ? undefined : keys.at(-1) };
  }

  listByNumber(cursor: bigint | undefined): Promise<Variant> {
    return this.try(async () => {
      const after = cursor === undefined ? undefined : this.#pages[Number(cursor)];
      if (cursor !== undefined && after === undefined) throw badCursor();
      const { keys, last } = await this.page(after);
      return [keys, last === undefined ? undefined : BigInt(this.#pages.push(last) - 1)];
    });
  }

  listByText(cursor: string | undefined): Promise<Variant> {
    return this.try(async () => {
      if (cursor !== undefined && !/^(?:[0-9a-f]{2})+$/.test(cursor)) throw badCursor();
      const after = cursor === undefined ? undefined : Buffer.from(cursor, 'hex');
      const { keys, last } = await this.page(after);
      return [keys, last === undefined ? undefined : Buffer.from(last).toString('hex')];
    });
  }

  /** All of them, page after page. */
  async allKeys(): Promise<readonly string[]> {
    const answer = new Answer();
    const all: string[] = [];
    let after: Uint8Array | undefined;
    do {
      const { keys, last } = await this.page(after);
      for (const key of keys) {
        answer.add(key.length);
        all.push(key);
      }
      after = last;
    } while (after !== undefined);
    return all;
  }

  async #entry(key: string) {
    return (await this.store.read([bytesOf(key)]))[0];
  }
}

/** A value that is to be replaced only where nobody else has done so meanwhile. */
class CompareAndSwap extends HostResource {
  readonly bucket: Bucket;
  readonly #held: HeldForRun;
  readonly #key: string;
  #revision = 0;
  #value: Uint8Array | undefined;

  constructor(bucket: Bucket, key: string, held: HeldForRun) {
    super();
    this.bucket = bucket;
    this.#held = held;
    this.#key = key;
  }

  get value(): Uint8Array | undefined {
    return this.#value;
  }

  async look(): Promise<this> {
    const [entry] = await this.bucket.store.read([bytesOf(this.#key)]);
    this.#release();
    this.#held.hold(entry?.value.length ?? 0);
    this.#revision = entry?.revision ?? 0;
    this.#value = entry?.value;
    return this;
  }

  override drop(): void {
    super.drop();
    this.#release();
  }

  #release(): void {
    this.#held.release(this.#value?.length ?? 0);
    this.#value = undefined;
  }

  /** Whether it was the last to be seen. */
  async swap(value: Uint8Array): Promise<boolean> {
    const change = {
      key: bytesOf(this.#key),
      op: 'put',
      value,
      ifRevision: this.#revision,
    } as const;
    return (await this.bucket.store.change(change)).kind === 'done';
  }
}

function bytesOf(key: string): Uint8Array {
  return Buffer.from(key, 'utf8');
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(key: Uint8Array): string | undefined {
  try {
    return decoder.decode(key);
  } catch {
    return undefined;
  }
}

function badCursor(): CapabilityRefusal {
  return new CapabilityRefusal('input', 'Cannot list keys: a cursor that was given: received none');
}

export function open(guest: ComponentGuest, name: string, cases: ErrorCases): Variant {
  const { keyValue } = guest.run.capabilities;
  const named = name === '' ? undefined : keyValue.named(name);
  if (named !== undefined) return ok(new Bucket(named, cases));
  const isOwn = name === '' || name === ownStoreName;
  if (!isOwn) return failed({ tag: cases.noSuchStore, value: undefined });
  try {
    return ok(new Bucket(keyValue.own, cases));
  } catch (error) {
    return errorOf(cases, error);
  }
}

async function setMany(
  bucket: Bucket,
  entries: readonly (readonly [string, Uint8Array])[],
): Promise<undefined> {
  for (const [key, value] of entries) await bucket.put(key, value);
}

async function deleteMany(bucket: Bucket, keys: readonly string[]): Promise<undefined> {
  for (const key of keys) await bucket.remove(key);
}

/** One after another, so that no more is held than the answer may have. */
async function getMany(bucket: Bucket, keys: readonly string[]): Promise<unknown> {
  const answer = new Answer();
  const found: unknown[] = [];
  for (const key of keys) {
    const [entry] = await bucket.store.read([bytesOf(key)]);
    answer.add(entry?.value.length ?? 0);
    found.push(entry === undefined ? undefined : [key, entry.value]);
  }
  return found;
}

/** `result<_, cas-error>`. */
async function swap(cas: CompareAndSwap, value: Uint8Array): Promise<Variant> {
  const { bucket } = cas;
  try {
    if (await cas.swap(value)) return ok();
    return failed({ tag: 1, value: await cas.look() });
  } catch (error) {
    return failed({ tag: 0, value: errorOf(bucket.cases, error).value });
  }
}

function entryFunctions(resource: 'bucket' | 'store'): Readonly<Record<string, HostFunction>> {
  return {
    [`[method]${resource}.get`]: waiting(() => (bucket: Bucket, key: string) => bucket.get(key)),
    [`[method]${resource}.set`]: waiting(
      () => (bucket: Bucket, key: string, value: Uint8Array) => bucket.set(key, value),
    ),
    [`[method]${resource}.delete`]: waiting(
      () => (bucket: Bucket, key: string) => bucket.delete(key),
    ),
    [`[method]${resource}.exists`]: waiting(
      () => (bucket: Bucket, key: string) => bucket.exists(key),
    ),
  };
}

const openFunction: HostFunction = waiting(
  (guest) => (name: string) => open(guest, name, wasiCases),
);

const increment: HostFunction = waiting(
  () => (bucket: Bucket, key: string, by: bigint) => bucket.increment(key, by),
);

const batchFunctions: Readonly<Record<string, HostFunction>> = {
  'get-many': waiting(
    () => (bucket: Bucket, keys: readonly string[]) => bucket.try(() => getMany(bucket, keys)),
  ),
  'set-many': waiting(
    () => (bucket: Bucket, entries: readonly (readonly [string, Uint8Array])[]) =>
      bucket.try(() => setMany(bucket, entries)),
  ),
  'delete-many': waiting(
    () => (bucket: Bucket, keys: readonly string[]) => bucket.try(() => deleteMany(bucket, keys)),
  ),
};

export const keyValueInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:keyvalue/store@0.2.0-draft',
    text: storeDraft,
    functions: {
      open: openFunction,
      ...entryFunctions('bucket'),
      '[method]bucket.list-keys': waiting(
        () => (bucket: Bucket, cursor: bigint | undefined) => bucket.listByNumber(cursor),
      ),
    },
  },
  { name: 'wasi:keyvalue/atomics@0.2.0-draft', text: atomicsDraft, functions: { increment } },
  { name: 'wasi:keyvalue/batch@0.2.0-draft', text: batch, functions: batchFunctions },
  {
    name: 'wasi:keyvalue/store@0.2.0-draft2',
    text: storeDraft2,
    functions: {
      open: openFunction,
      ...entryFunctions('bucket'),
      '[method]bucket.list-keys': waiting(
        () => (bucket: Bucket, cursor: string | undefined) => bucket.listByText(cursor),
      ),
    },
  },
  {
    name: 'wasi:keyvalue/atomics@0.2.0-draft2',
    text: atomicsDraft2,
    functions: {
      increment,
      '[static]cas.new': waiting(
        (guest) => (bucket: Bucket, key: string) =>
          bucket.try(() => new CompareAndSwap(bucket, key, guest.run.held).look()),
      ),
      '[method]cas.current': waiting(() => (cas: CompareAndSwap) => ok(cas.value)),
      swap: waiting(() => (cas: CompareAndSwap, value: Uint8Array) => swap(cas, value)),
    },
  },
  { name: 'wasi:keyvalue/batch@0.2.0-draft2', text: batch, functions: batchFunctions },
  {
    name: 'fermyon:spin/key-value@2.0.0',
    text: spinKeyValue,
    functions: {
      '[static]store.open': waiting((guest) => (name: string) => open(guest, name, spinCases)),
      ...entryFunctions('store'),
      '[method]store.get-keys': waiting(
        () => (bucket: Bucket) => bucket.try(() => bucket.allKeys()),
      ),
    },
  },
];
