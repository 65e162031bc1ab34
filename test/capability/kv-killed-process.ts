/**
 * A process that writes until it is killed. Each acknowledged number is printed as a line, after
 * the key-value store has answered. Edge: standard output.
 */
import { KeyValueClient } from '../../src/capability/kv/client.ts';
import { startKeyValueWriter } from '../../src/capability/kv/writer.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';

const [databasePath = '', folderKey = '', modulePath = '', first = '0'] = process.argv.slice(2);

const limits = { ...defaultLimits, kvOperationsPerRunMax: 1_000_000 };
const writer = startKeyValueWriter({
  databasePath,
  synchronous: 'normal',
  limits,
  onTrouble: (message) => process.stderr.write(`${message}\n`),
});
const client = new KeyValueClient({ port: writer.connect(), databasePath, limits });
const store = client.namespace(folderKey as FolderKey, modulePath as ModulePath);
const encoder = new TextEncoder();

async function writeNumbers(from: number): Promise<never> {
  for (let number = from; ; number += 4) {
    await store.insert(encoder.encode(String(number)), encoder.encode(`value ${number}`));
    await new Promise((resolve) => process.stdout.write(`${number}\n`, resolve));
  }
}

await Promise.all([0, 1, 2, 3].map((lane) => writeNumbers(Number(first) + lane)));
