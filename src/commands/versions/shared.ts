/** Where rollbacks of several nodes are, for commands that read or write them. */
import { loadConfig } from '../../config/load.ts';
import { clusterSettingsOf } from '../../daemon/cluster-settings.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type SharedStore, StoreError } from '../../outside/store/contract.ts';
import { readInstallation } from '../../outside/store/nats/installation-memory.ts';
import type { Arguments, CommandIo } from '../command.ts';

export interface OpenedShared extends AsyncDisposable {
  /** Without a store on one machine: it is in the state directory. */
  readonly opened: { readonly store?: SharedStore };
}

/** Errors: `config`; `start` where the servers do not answer. */
export async function openShared(given: Arguments, io: CommandIo): Promise<OpenedShared> {
  const { config } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const { cluster, limits, stateDirectory } = config;
  if (cluster.servers.length === 0)
    return { opened: {}, [Symbol.asyncDispose]: () => Promise.resolve() };
  // Loaded late: one machine needs none of it.
  const { openCommandStore } = await import('../../outside/store/nats/open-for-command.ts');
  const known = readInstallation(stateDirectory);
  try {
    const settings = clusterSettingsOf(config);
    const store = await openCommandStore({ settings, limits, known, mayMake: false });
    return { opened: { store }, [Symbol.asyncDispose]: () => store.close() };
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    const code = cause.kind === 'refused' ? 'config' : 'start';
    throw new TerrafirmaError(code, cause.message, { cause });
  }
}
