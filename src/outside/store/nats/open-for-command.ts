/** The store of several nodes as a command of the operator has it, beside the daemons. */
import type { Limits } from '../../../config/config.ts';
import type { KnownInstallation } from './installation.ts';
import { NatsStore } from './nats-store.ts';
import type { ClusterSettings } from './settings.ts';

export interface CommandStoreOptions {
  readonly settings: ClusterSettings;
  readonly limits: Limits;
  /** What this machine's daemon remembers; undefined: it is taken as it is found. */
  readonly known: KnownInstallation | undefined;
  /** Makes the installation where there is none. */
  readonly mayMake: boolean;
}

/** Resolves when it is open; whoever asked closes it. Rejects with StoreError. */
export async function openCommandStore(options: CommandStoreOptions): Promise<NatsStore> {
  const { known, limits, mayMake, settings } = options;
  let trouble = 'no answer';
  const store = new NatsStore({
    ...{ settings, limits, known, nowMs: Date.now, onlyLooks: !mayMake },
    onTrouble: (reason) => {
      trouble = reason;
    },
  });
  try {
    await store.engine.openWithin(settings.waitMs, () => trouble);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
