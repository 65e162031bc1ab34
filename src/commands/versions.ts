/**
 * `terrafirma versions`: which versions of which modules are kept, and which one serves. Edge: the
 * file system, to see whether the state directory is there.
 */
import { statSync } from 'node:fs';
import { loadConfig } from '../config/load.ts';
import type { Setting } from '../config/schema.ts';
import { settings } from '../config/schema.ts';
import type { DeployLog } from '../deploy/deploy-log.ts';
import type { ListedModule } from '../deploy/versions.ts';
import { listVersions } from '../deploy/versions.ts';
import { TerrafirmaError } from '../errors.ts';
import type { Arguments, Command, CommandIo } from './command.ts';
import { nameStored } from './stored-name.ts';

/** The flags of commands that look into the state directory. */
export const stateSettings: readonly Setting<unknown>[] = [
  settings.stateDirectory as Setting<unknown>,
];

export const versions: Command = {
  name: 'versions',
  summary: 'Show the kept versions of modules, and which of them serve',
  positionals: [
    {
      name: 'folder[/module.wasm]',
      isRequired: false,
      summary: 'Only this folder or module: as it is listed, or as a path of this machine',
    },
  ],
  flags: [{ name: 'json', summary: 'Print JSON' }],
  readsConfig: true,
  settings: stateSettings,
  notes: ['Reads the state directory alone: a daemon may run or not.'],
  async run(given, io) {
    const directory = stateDirectoryOf(given, io);
    const log = reportTo(io);
    const asked = given.positionals[0];
    const filter =
      asked === undefined ? undefined : await nameStored(asked, { directory, io, log });
    const listed = await listVersions(directory, filter, log);
    if (given.has('json')) io.write(`${JSON.stringify(listed, undefined, 2)}\n`);
    else io.write(listed.map(describeListed).join('\n'));
    if (listed.length > 0) return 0;
    io.report(
      `There are no kept versions${asked === undefined ? '' : ` of ${asked}`}: ${directory}`,
    );
    return asked === undefined ? 0 : 1;
  },
};

/** Errors: `config`; `state` when there is no such directory. */
export function stateDirectoryOf(given: Arguments, io: CommandIo): string {
  const { config } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const { stateDirectory } = config;
  if (statSync(stateDirectory, { throwIfNoEntry: false })?.isDirectory()) return stateDirectory;
  throw new TerrafirmaError(
    'state',
    'Cannot look for versions: the state directory must exist, as a daemon makes it: ' +
      `received ${stateDirectory}; name that of the daemon with --state`,
  );
}

/** What the deploy road has to tell, on standard error. */
export function reportTo(io: CommandIo): DeployLog {
  const report = (_fields: unknown, text: string): void => io.report(text);
  return { info: () => undefined, warn: report, error: report };
}

function describeListed(module: ListedModule): string {
  const notes = [
    ...(module.isPinned ? ['rolled back'] : []),
    ...(module.isGone ? ['its file is gone'] : []),
  ];
  const title = `${module.folderKey}/${module.modulePath}`;
  const lines = module.versions.map((version) => {
    const mark = version.isServing ? '*' : ' ';
    const accepted = new Date(version.acceptedAtMs).toISOString();
    return `  ${mark} ${version.digest}  ${accepted}  ${version.abi}  ${version.bytes} bytes`;
  });
  return `${[
    notes.length === 0 ? title : `${title} (${notes.join(', ')})`,
    ...lines,
    ...(module.refusal === undefined ? [] : [`    the file as it is now: ${module.refusal}`]),
  ].join('\n')}\n`;
}
