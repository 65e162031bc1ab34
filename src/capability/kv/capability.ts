/** Key-value stores: read on the serving thread, written by one writer for the whole daemon. */
import type { MessagePort } from 'node:worker_threads';
import type { CapabilityDefinition, ControlSide } from '../definition.ts';
import { KeyValueClient } from './client.ts';
import type { KeyValue } from './contract.ts';
import { type KeyValueWriter, keyValueDatabasePath, startKeyValueWriter } from './writer.ts';

interface KeyValueSpeech {
  readonly start: { readonly port: MessagePort };
}

export class KeyValueControl implements ControlSide<KeyValueSpeech> {
  readonly writer: KeyValueWriter;

  constructor(writer: KeyValueWriter) {
    this.writer = writer;
  }

  connectThread(): { start: { port: MessagePort }; transfer: [MessagePort] } {
    const port = this.writer.connect();
    return { start: { port }, transfer: [port] };
  }

  close(): Promise<void> {
    return this.writer.close();
  }
}

export const keyValueCapability: CapabilityDefinition<
  KeyValue,
  KeyValueClient,
  KeyValueSpeech,
  KeyValueControl
> = {
  openControl: ({ config, journal, renamed }) =>
    new KeyValueControl(
      startKeyValueWriter({
        renamed,
        databasePath: keyValueDatabasePath(config.stateDirectory),
        synchronous: config.keyValue.synchronous,
        limits: config.limits,
        onTrouble: (reason) => journal.tell('key-value-trouble', { reason }),
      }),
    ),
  openThread: ({ config, account }, { start }) =>
    new KeyValueClient({
      port: start.port,
      databasePath: keyValueDatabasePath(config.stateDirectory),
      limits: config.limits,
      account,
    }),
  lend: (client, { folderKey, modulePath }) => client.namespace(folderKey, modulePath),
  closeThread: (client) => client.close(),
};
