/**
 * Operations of key-value stores that are under way: started by one hostcall, waited for by another
 * or together with other things, and finished once.
 */
import { Buffer } from 'node:buffer';
import type { KeyValueStore, StoredEntry } from '../../../capability/kv/contract.ts';
import { CapabilityRefusal, type RefusalKind } from '../../../capability/refusal.ts';
import type { ReadBody } from '../../../http/body.ts';
import { BodyQueue } from '../../../http/body-queue.ts';
import type { HandleTable } from '../../handles.ts';
import { ObjectError } from '../../objects/object-error.ts';
import type { Pending } from '../../objects/pending.ts';
import type { ReadyItem } from '../../objects/ready.ts';
import type { FastlyRun } from '../run.ts';
import { KvWrites } from './kv-writes.ts';

/** What a guest is told of the end of an operation. */
export const kvError = {
  ok: 1,
  badRequest: 2,
  notFound: 3,
  preconditionFailed: 4,
  payloadTooLarge: 5,
  internal: 6,
  tooManyRequests: 7,
} as const;

export type KvError = (typeof kvError)[keyof typeof kvError];

/** `wasThere`: of a deletion. */
export type KvResult =
  | { readonly kind: 'entry'; readonly entry: StoredEntry }
  | { readonly kind: 'listing'; readonly json: string }
  | { readonly kind: 'done'; readonly wasThere: boolean }
  | { readonly kind: 'failed'; readonly error: Exclude<KvError, 1>; readonly reason?: string };

export type KvVerb = 'lookup' | 'insert' | 'delete' | 'list';

export class KvOperation implements ReadyItem {
  readonly verb: KvVerb;
  readonly #pending: Pending<KvResult>;

  constructor(verb: KvVerb, pending: Pending<KvResult>) {
    this.verb = verb;
    this.#pending = pending;
  }

  get isReady(): boolean {
    return this.#pending.isReady;
  }

  whenReady(): Promise<void> {
    return this.#pending.whenReady();
  }

  /** What it came to, where `isReady`. @throws what is no failure of the store's */
  get result(): KvResult {
    const { outcome } = this.#pending;
    if (outcome?.kind === 'done') return outcome.value;
    throw outcome?.error ?? new Error('Cannot use the result: the operation must have ended');
  }
}

/** Of one run; their numbers are of the same space as those of bodies. */
export function kvOperations(run: FastlyRun): HandleTable<KvOperation> {
  return run.items.open('operation of a store');
}

function kvWrites(): KvWrites {
  return new KvWrites();
}

/** What an operation is about. */
export interface KvSubject {
  readonly store: KeyValueStore;
  /** Undefined: all of them. */
  readonly key?: string;
}

/**
 * Starts one; it is given up with the run. It comes after the writes of the same key that the run
 * has started before, as it would if each had been waited for.
 *
 * @throws HandleError `full`
 */
export function startOperation(
  run: FastlyRun,
  verb: KvVerb,
  { store, key }: KvSubject,
  work: (signal: AbortSignal) => Promise<KvResult>,
): number {
  const operations = run.of(kvOperations);
  operations.requireRoom();
  const writes = run.of(kvWrites);
  const before = writes.before(store, key);
  const pending = run.underWay.start(({ signal }) =>
    // At once where nothing is before it: it is then done whatever becomes of the run.
    (before === undefined ? work(signal) : before.then(() => work(signal))).catch(asResult),
  );
  if (key !== undefined && (verb === 'insert' || verb === 'delete')) {
    writes.add(store, key, pending.whenReady());
  }
  return operations.add(new KvOperation(verb, pending));
}

/** Also of stores that hold what other programs wrote. */
export async function lookUp(store: KeyValueStore, key: string): Promise<KvResult> {
  const [entry] = await store.read([Buffer.from(key)]);
  return entry === undefined
    ? { kind: 'failed', error: kvError.notFound }
    : { kind: 'entry', entry };
}

export async function remove(store: KeyValueStore, key: string): Promise<KvResult> {
  const changed = await store.change({ key: Buffer.from(key), op: 'delete' });
  return { kind: 'done', wasThere: changed.before !== 0 };
}

/**
 * All of a body, which may still be arriving; undefined where it has more than `bytesMax`. What is
 * here counts as held by the run.
 */
export async function readWhole(
  run: FastlyRun,
  body: ReadBody,
  { bytesMax, signal }: { readonly bytesMax: number; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  let heldBytes = 0;
  const giveUp = (): void => body.cancel();
  signal.addEventListener('abort', giveUp);
  try {
    for (;;) {
      const piece = await body.read();
      signal.throwIfAborted();
      if (piece === undefined) return Buffer.concat(pieces, length);
      if (length + piece.length > bytesMax) return undefined;
      const weight = BodyQueue.weigh(piece);
      run.held.hold(weight);
      heldBytes += weight;
      length += piece.length;
      pieces.push(piece);
    }
  } finally {
    signal.removeEventListener('abort', giveUp);
    body.cancel();
    run.held.release(heldBytes);
  }
}

const errors: Readonly<Record<RefusalKind, Exclude<KvError, 1>>> = {
  input: kvError.badRequest,
  limit: kvError.tooManyRequests,
  forbidden: kvError.badRequest,
  dns: kvError.internal,
  connection: kvError.internal,
  timeout: kvError.internal,
  abandoned: kvError.internal,
  unavailable: kvError.internal,
  full: kvError.internal,
};

/** @throws what is no failure of a store's or a body's */
function asResult(error: unknown): KvResult {
  if (error instanceof CapabilityRefusal) {
    // A limit of the store itself is one of bytes; the others are limits of how often.
    const isOfBytes = error.kind === 'limit' && error.cause !== undefined;
    const told = isOfBytes ? kvError.payloadTooLarge : errors[error.kind];
    return { kind: 'failed', error: told, reason: error.message };
  }
  if (error instanceof ObjectError) {
    return { kind: 'failed', error: kvError.payloadTooLarge, reason: error.message };
  }
  // A body that broke off: nothing was stored.
  if (error instanceof Error) {
    return { kind: 'failed', error: kvError.internal, reason: error.message };
  }
  throw error;
}
