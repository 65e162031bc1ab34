/** Key-value stores by the interface of Spin 3: the same, with async functions. */
import { type HostFunction, type HostInterface, waiting } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { HostWork } from './host-work.ts';
import { type Bucket, open, spinCases } from './keyvalue.ts';
import type { Variant } from './results.ts';
import { HostFuture, HostItems } from './tasks/host-sides.ts';
import { spinKeyValue3 } from './wit/keyvalue.ts';

/** A store's operation ends by itself. */
function working<T>(done: Promise<T>): HostWork<T> {
  return new HostWork(done, () => undefined);
}

/** All keys, and how it went. */
async function keysOf(
  guest: ComponentGuest,
  bucket: Bucket,
): Promise<readonly [HostItems, HostFuture]> {
  const result: Variant = await bucket.try(() => bucket.allKeys());
  const outside = guest.tasks.threads;
  const future = new HostFuture(outside);
  const isGood = result.tag === 0;
  future.settle(isGood ? { tag: 0, value: undefined } : result);
  const keys = isGood ? (result.value as readonly string[]) : [];
  return [new HostItems(Promise.resolve(keys), { outside }), future];
}

const functions: Readonly<Record<string, HostFunction>> = {
  '[static]store.open': waiting((guest) => (name: string) => open(guest, name, spinCases)),
  '[method]store.get': waiting(() => (bucket: Bucket, key: string) => working(bucket.get(key))),
  '[method]store.set': waiting(
    () => (bucket: Bucket, key: string, value: Uint8Array) => working(bucket.set(key, value)),
  ),
  '[method]store.delete': waiting(
    () => (bucket: Bucket, key: string) => working(bucket.delete(key)),
  ),
  '[method]store.exists': waiting(
    () => (bucket: Bucket, key: string) => working(bucket.exists(key)),
  ),
  '[method]store.get-keys': waiting((guest) => (bucket: Bucket) => working(keysOf(guest, bucket))),
};

export const spin3Interfaces: readonly HostInterface[] = [
  { name: 'spin:key-value/key-value@3.0.0', text: spinKeyValue3, functions },
];
