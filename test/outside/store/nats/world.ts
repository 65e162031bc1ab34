/** Installations for tests: a name of its own for each, on servers that many share. */
import { defaultLimits } from '../../../../src/config/config.ts';
import { NatsStore, type NatsStoreOptions } from '../../../../src/outside/store/nats/nats-store.ts';
import type { ClusterSettings } from '../../../../src/outside/store/nats/settings.ts';

export function settingsOf(
  servers: readonly string[],
  more: Partial<ClusterSettings> = {},
): ClusterSettings {
  return {
    servers,
    name: 'test',
    node: 'node-1',
    credentialsFile: undefined,
    nkeyFile: undefined,
    caFile: undefined,
    certificateFile: undefined,
    keyFile: undefined,
    shards: 2,
    replicas: 1,
    waitMs: 10_000,
    ...more,
  };
}

export function openNatsStore(
  settings: ClusterSettings,
  { nowMs = Date.now, onClock }: Pick<Partial<NatsStoreOptions>, 'nowMs' | 'onClock'> = {},
): NatsStore {
  return new NatsStore({
    ...{ settings, limits: defaultLimits, nowMs, known: undefined },
    onTrouble: () => undefined,
    ...(onClock === undefined ? {} : { onClock }),
  });
}
