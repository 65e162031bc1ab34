/** Key-value stores: read on the serving thread, written by the store thread for the daemon. */
import type { MessagePort } from 'node:worker_threads';
import type { ClusterAccess } from '../../outside/store/nats/cluster-access.ts';
import { openStoreClient } from '../../outside/store/open.ts';
import type { CapabilityDefinition } from '../definition.ts';
import { KeyValueClient } from './client.ts';
import type { KeyValue } from './contract.ts';

interface KeyValueSpeech {
  readonly start: { readonly port: MessagePort; readonly access: ClusterAccess | undefined };
}

export const keyValueCapability: CapabilityDefinition<KeyValue, KeyValueClient, KeyValueSpeech> = {
  openControl: ({ store }) => ({
    connectThread() {
      const port = store.connect();
      return { start: { port, access: store.cluster }, transfer: [port] };
    },
  }),
  openThread: ({ config, account, counters }, { start }) =>
    new KeyValueClient({
      store: openStoreClient(start.port, config.stateDirectory, start.access),
      limits: config.limits,
      waitMs: start.access?.settings.waitMs,
      ...{ account, counters },
    }),
  lend: (client, run) => client.forRun(run),
  closeThread: (client) => client.store.close(),
};
