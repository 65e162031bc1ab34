/**
 * `terrafirma cluster`: how the servers of an installation of several nodes are, and what an
 * operator does about them.
 */
import { existsSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { clusterSettingsOf } from '../../daemon/cluster-settings.ts';
import { forgetBases } from '../../deploy/common/bases.ts';
import { TerrafirmaError } from '../../errors.ts';
import { lockState } from '../../outside/state/lock.ts';
import { StoreError } from '../../outside/store/contract.ts';
import { importFile } from '../../outside/store/import.ts';
import {
  forgetInstallation,
  readInstallation,
} from '../../outside/store/nats/installation-memory.ts';
import type { NatsStore } from '../../outside/store/nats/nats-store.ts';
import { openCommandStore } from '../../outside/store/nats/open-for-command.ts';
import { readSealKeys, SealingStore } from '../../outside/store/sealing-store.ts';
import { storePath } from '../../outside/store/sqlite-schema.ts';
import type { Command, CommandIo, ExitCode } from '../command.ts';
import { describeCluster } from './status.ts';

const actions = ['status', 'import', 'adopt'] as const;

export const cluster: Command = {
  name: 'cluster',
  summary: 'Look at the servers of several nodes, or begin with them',
  positionals: [
    { name: 'status|import|adopt', isRequired: true, summary: 'What to do, see below' },
  ],
  flags: [],
  readsConfig: true,
  settings: [settings.stateDirectory as Setting<unknown>],
  notes: [
    'status shows each stream, who leads it, which copies are behind, and which nodes are there.',
    'import carries what this machine has stored alone into the servers: key-value data, account ' +
      'keys, certificates, rollbacks. What is there already stays. Stop the daemon before.',
    'adopt lets this node take what is in the servers now for its installation, after they were ' +
      'emptied or set back. Nothing is deleted; what was lost is lost. Start the daemon after it.',
  ],
  async run(given, io) {
    const [action = ''] = given.positionals;
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    if (config.cluster.servers.length === 0) {
      throw usage('cluster.servers must be set in the configuration: received none');
    }
    try {
      if (action === 'status') return await showStatus(config, io);
      if (action === 'import') return await importAll(config, io);
      if (action === 'adopt') return await adopt(config, io);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      const code = cause.kind === 'refused' ? 'config' : 'start';
      throw new TerrafirmaError(code, cause.message, { cause });
    }
    throw usage(`it must be one of ${actions.join(', ')}: received "${action}"`);
  },
};

async function showStatus(config: Config, io: CommandIo): Promise<ExitCode> {
  const store = await open(config, { mayMake: false });
  try {
    const { text, isWell } = await describeCluster(store, config.cluster);
    io.write(text);
    return isWell ? 0 : 1;
  } finally {
    await store.close();
  }
}

async function importAll(config: Config, io: CommandIo): Promise<ExitCode> {
  const databasePath = storePath(config.stateDirectory);
  if (!existsSync(databasePath)) {
    throw usage(`there must be something to import: received no ${databasePath}`);
  }
  // What a daemon would still write would be left behind.
  const lock = lockState(config.stateDirectory);
  try {
    return await importLocked(config, databasePath, io);
  } finally {
    lock.release();
  }
}

async function importLocked(
  config: Config,
  databasePath: string,
  io: CommandIo,
): Promise<ExitCode> {
  const { sealKeyFile } = config.cluster;
  const sealKeys = sealKeyFile === undefined ? undefined : await readSealKeys(sealKeyFile);
  const store = await open(config, { mayMake: true });
  try {
    const sealed = sealKeys === undefined ? undefined : new SealingStore(store, sealKeys);
    const done = await importFile(
      databasePath,
      (area) => (area === 'tls' ? sealed : store),
      Date.now,
    );
    const { entries, skipped, spaces } = done;
    io.write(`${entries} entries of ${spaces} stores imported; ${skipped} were there already\n`);
    if (sealed === undefined) {
      io.report('Certificates stayed behind: cluster.seal_key_file is not set');
    }
    return 0;
  } finally {
    await store.close();
  }
}

async function adopt(config: Config, io: CommandIo): Promise<ExitCode> {
  await forgetInstallation(config.stateDirectory);
  await forgetBases(config.stateDirectory);
  const store = await open(config, { mayMake: true });
  await store.close();
  io.write(
    `The installation ${config.cluster.name} as it is now is this node's at its next start\n`,
  );
  return 0;
}

function open(config: Config, how: { readonly mayMake: boolean }): Promise<NatsStore> {
  return openCommandStore({
    ...how,
    settings: clusterSettingsOf(config),
    limits: config.limits,
    known: readInstallation(config.stateDirectory),
  });
}

function usage(detail: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot manage the cluster: ${detail}`);
}
