/**
 * A process that writes until it is killed. Each acknowledged number is printed as a line, after
 * the key-value store has answered. Edge: standard output.
 */
import { KeyValueClient } from '../../src/capability/kv/client.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { openStoreClient } from '../../src/outside/store/open.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { startStoreKeeper } from '../../src/outside/store/store-keeper.ts';

const [directory = '', folderKey = '', modulePath = '', first = '0'] = process.argv.slice(2);

const limits = { ...defaultLimits, kvOperationsPerRunMax: 1_000_000 };
const writer = startStoreKeeper({
  databasePath: storePath(directory),
  synchronous: 'normal',
  limits,
  onTrouble: (message) => process.stderr.write(`${message}\n`),
});
const client = new KeyValueClient({
  store: openStoreClient(writer.connect(), directory),
  limits,
});
const store = client.forRun({
  folderKey: folderKey as FolderKey,
  modulePath: modulePath as ModulePath,
});
const encoder = new TextEncoder();

async function writeNumbers(from: number): Promise<never> {
  for (let number = from; ; number += 4) {
    await store.insert(encoder.encode(String(number)), encoder.encode(`value ${number}`));
    await new Promise((resolve) => process.stdout.write(`${number}\n`, resolve));
  }
}

await Promise.all([0, 1, 2, 3].map((lane) => writeNumbers(Number(first) + lane)));
