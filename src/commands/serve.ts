/** `terrafirma serve`: runs the daemon until it is told to stop. */
import { statSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { loadConfig, requireSomethingToServe } from '../config/load.ts';
import type { FlagValue, LoadedConfig } from '../config/resolve.ts';
import type { Setting } from '../config/schema.ts';
import { allSettings, settings } from '../config/schema.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { TerrafirmaError } from '../errors.ts';
import type { OutputStream } from '../journal/output.ts';
import { type InheritedSocket, takeInherited } from '../outside/sockets/inherited.ts';
import { ServiceManager } from '../outside/sockets/notify.ts';
import { takePrecedence } from '../threads/precedence.ts';
import type { Command, CommandIo, ExitCode, MindedSignal } from './command.ts';
import { StopGate } from './signals.ts';
import { readVersion } from './version.ts';
import { tellOfEarlierState } from './versions/states.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'Serve a folder, or the folders that TXT records name',
  positionals: [
    {
      name: 'folder',
      isRequired: false,
      summary: 'Serve this folder for every host name; DNS is not asked',
    },
  ],
  flags: [],
  readsConfig: true,
  settings: allSettings,
  notes: [
    'Give a folder, or mounts: when both are configured, the stronger source wins (flags, then ' +
      'the environment, then the file).',
    'Every setting and limit can also be set in the configuration file and the environment: ' +
      'see "terrafirma config".',
    'SIGTERM or SIGINT lets running requests finish and exits with 0; SIGQUIT gives them one ' +
      'second. A second signal, at least a second later, ends at once and exits with 1. SIGHUP ' +
      'reads the configuration again; SIGUSR1 and SIGUSR2 do nothing.',
  ],
  async run(given, io) {
    const folder = given.positionals[0];
    const reread = (): LoadedConfig =>
      loadConfig({
        flags: [...given.settings, ...folderFlag(folder)],
        machine: io.machine,
        configFile: given.configFile,
      });
    const loaded = reread();
    const { config, origins } = loaded;
    requireSomethingToServe(config);
    if (config.folder !== undefined) requireDirectory(config.folder);
    for (const mount of config.mounts) warnOfMissing(mount.directory, io);
    const { folder: served, stateDirectory } = config;
    if (served !== undefined && isDefault(origins, settings.stateDirectory as Setting<unknown>)) {
      await tellOfEarlierState({ folder: served, stateDirectory }, io);
    }
    // Loaded late: no other command needs the daemon and all that it stands on.
    const { startDaemon } = await import('../daemon/daemon.ts');
    const isFreeToMove =
      config.folder !== undefined && isDefault(origins, settings.listen as Setting<unknown>);
    const portsTriedMax = isFreeToMove ? portsToTryMax : 1;
    const hasOwnPlace = !isDefault(origins, settings.listen as Setting<unknown>);
    const placed = addInherited(config, takeInherited(io.service), hasOwnPlace);
    return superviseDaemon(async () => {
      const daemon = await startDaemon(placed, {
        ...{ output: outputOf(io), portsTriedMax, version: readVersion() },
        reading: { loaded, reread },
        manager: new ServiceManager(io.service),
        practises: true,
      });
      // Now that the threads of node's pool are there, which read files for everybody.
      takePrecedence();
      return daemon;
    }, io);
  },
};

function outputOf({ machine }: CommandIo): OutputStream {
  const { fd, isTTY } = process.stdout;
  return { fd, isTTY, journalStream: machine.environment.JOURNAL_STREAM };
}

/** Sockets that are open already come first; the default place is for those who have none. */
function addInherited(
  config: Config,
  inherited: readonly InheritedSocket[],
  hasOwnPlace: boolean,
): Config {
  if (inherited.length === 0) return config;
  const tls = inherited.filter(({ isTls }) => isTls);
  const plain = inherited.filter(({ isTls }) => !isTls);
  return {
    ...config,
    listen: [...plain, ...(hasOwnPlace ? config.listen : [])],
    tls: { ...config.tls, listen: [...tls, ...config.tls.listen] },
  };
}

/** Whoever serves one folder after the other should not have to think of ports. */
const portsToTryMax = 20;

function isDefault(origins: LoadedConfig['origins'], setting: Setting<unknown>): boolean {
  return origins.get(setting)?.kind === 'default';
}

/** The folder on the command line is the setting `folder`, as strong as a flag. */
export function folderFlag(folder: string | undefined): readonly FlagValue[] {
  if (folder === undefined) return [];
  const setting = settings.folder as Setting<unknown>;
  return [{ setting, label: 'the folder', text: folder }];
}

/** What serving needs of the daemon; a test of signals needs no more. */
export type StoppableDaemon = Pick<Daemon, 'closed' | 'drain' | 'force' | 'noteIgnored' | 'reload'>;

const stopSignals: ReadonlySet<MindedSignal> = new Set(['SIGTERM', 'SIGINT', 'SIGQUIT']);
/** What SIGQUIT leaves to the requests under way. */
const fastDrainMs = 1_000;

/**
 * Starts the daemon and resolves once it has ended: 0 after a drain, 1 when it was forced. A signal
 * that comes while it starts is obeyed as soon as it has started.
 */
export async function superviseDaemon(
  start: () => Promise<StoppableDaemon>,
  io: Pick<CommandIo, 'onSignal' | 'nowMs'>,
): Promise<ExitCode> {
  const gate = new StopGate();
  const forced = Promise.withResolvers<'forced'>();
  /** With the limit on the drain, where the signal sets one. */
  const drained = Promise.withResolvers<number | undefined>();
  let running: StoppableDaemon | undefined;
  const removeListener = io.onSignal((signal) => {
    if (signal === 'SIGHUP') void running?.reload();
    else if (!stopSignals.has(signal)) running?.noteIgnored(signal);
    if (!stopSignals.has(signal)) return;
    const step = gate.take(io.nowMs());
    if (step === 'drain') drained.resolve(signal === 'SIGQUIT' ? fastDrainMs : undefined);
    if (step === 'force') forced.resolve('forced');
  });
  try {
    const starting = start();
    const daemon = await Promise.race([starting, forced.promise]);
    if (daemon === 'forced') return 1;
    running = daemon;
    // A drain that fails rejects here: it must not leave a daemon that no signal ends.
    const draining = drained.promise.then((limitMs) => daemon.drain(limitMs));
    const ended = draining.then(() => daemon.closed);
    const end = await Promise.race([daemon.closed, forced.promise, ended]);
    if (end !== 'forced') return 0;
    daemon.force();
    await daemon.closed;
    return 1;
  } finally {
    removeListener();
  }
}

/** @throws TerrafirmaError `usage`, with `hint` after what was received. */
export function requireDirectory(directory: string, hint = ''): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new TerrafirmaError(
    'usage',
    `Cannot serve the folder: it must be a directory: received ${directory}${hint}`,
  );
}

/** Only a warning: a mount may come later, and may go and come back. */
function warnOfMissing(directory: string, io: CommandIo): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  io.report(`There is no directory ${directory} yet: its folders answer 503 until it is there`);
}
