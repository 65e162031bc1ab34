/** Builds what has the keys of session tickets from the configuration. */
import type { Config } from '../config/config.ts';
import { describeError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { type SharedStore, StoreError } from '../outside/store/contract.ts';
import { SealingStore } from '../outside/store/sealing-store.ts';
import { TicketKeys } from '../tls/ticket-keys.ts';
import { readKeys } from './site-stores.ts';

/**
 * Of several nodes that have a key to seal with, all have the same; they lie in no state directory.
 *
 * @throws TerrafirmaError `config` where the key that seals cannot be read
 */
export async function openTicketKeys(
  { cluster }: Config,
  { journal }: { readonly journal: Journal },
  shared: SharedStore,
): Promise<TicketKeys> {
  let told = '';
  const onTrouble = (error: unknown): void => {
    const why = error instanceof StoreError ? error.message : describeError(error);
    // It is tried every few seconds.
    if (why !== told) {
      journal.tell('cluster-trouble', { reason: `session tickets hold here alone: ${why}` });
    }
    told = why;
  };
  const { sealKeyFile, servers } = cluster;
  const isAlone = servers.length === 0 || sealKeyFile === undefined;
  const store = isAlone ? undefined : new SealingStore(shared, await readKeys(sealKeyFile));
  return new TicketKeys({ store, nowMs: Date.now, onTrouble });
}
