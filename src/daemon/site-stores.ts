/** Where that is what operators set for folders on all nodes. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { SiteStores } from '../deploy/common/folder-texts.ts';
import { TerrafirmaError } from '../errors.ts';
import { type SharedStore, StoreError } from '../outside/store/contract.ts';
import { KeptStore } from '../outside/store/kept-store.ts';
import { readSealKeys, SealingStore } from '../outside/store/sealing-store.ts';
import { StableSeal } from '../outside/store/stable-seal.ts';

/**
 * Undefined on one machine. What was read is kept, secrets sealed as they came, for when the
 * servers are away.
 *
 * @throws TerrafirmaError `config` where the key that opens secrets cannot be read
 */
export async function openSiteStores(
  config: Config,
  shared: SharedStore,
  onTrouble: (error: unknown) => void,
): Promise<SiteStores | undefined> {
  const { cluster, stateDirectory } = config;
  if (cluster.servers.length === 0) return undefined;
  const directory = join(stateDirectory, 'kept');
  const kept = (prefix: string): SharedStore =>
    new KeptStore({ store: shared, directory, prefixes: [Buffer.from(prefix)], onTrouble });
  const { sealKeyFile } = cluster;
  const texts = kept('config/');
  if (sealKeyFile === undefined) return { secret: undefined, config: texts, seal: undefined };
  const keys = await readKeys(sealKeyFile);
  const secret = new SealingStore(kept('secret/'), keys);
  return { secret, config: texts, seal: new StableSeal(keys) };
}

/** @throws TerrafirmaError `config` */
export async function readKeys(sealKeyFile: string): Promise<readonly Buffer[]> {
  try {
    return await readSealKeys(sealKeyFile);
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    throw new TerrafirmaError('config', cause.message, { cause });
  }
}
