/** Key-value stores: read on the serving thread, written by the store thread for the daemon. */
import type { MessagePort } from 'node:worker_threads';
import { openStoreClient } from '../../outside/store/open.ts';
import type { CapabilityDefinition } from '../definition.ts';
import { KeyValueClient } from './client.ts';
import type { KeyValue } from './contract.ts';

interface KeyValueSpeech {
  readonly start: { readonly port: MessagePort };
}

export const keyValueCapability: CapabilityDefinition<KeyValue, KeyValueClient, KeyValueSpeech> = {
  openControl: ({ store }) => ({
    connectThread() {
      const port = store.connect();
      return { start: { port }, transfer: [port] };
    },
  }),
  openThread: ({ config, account }, { start }) =>
    new KeyValueClient({
      store: openStoreClient(start.port, config.stateDirectory),
      limits: config.limits,
      account,
    }),
  lend: (client, run) => client.forRun(run),
  closeThread: (client) => client.store.close(),
};
