/** `terrafirma versions`: which versions of which modules are kept, and which one serves. */
import type { ListedModule } from '../../deploy/keep/versions.ts';
import { listVersions } from '../../deploy/keep/versions.ts';
import type { Connection } from '../admin/connection.ts';
import { adminFlags, daemonThatRuns } from '../admin/find-daemon.ts';
import { splitSubject } from '../admin/subject.ts';
import type { Command, CommandIo } from '../command.ts';
import { listNeverAccepted } from './never-accepted.ts';
import { openShared } from './shared.ts';
import { reportTo, stateDirectoriesOf, stateSettings } from './states.ts';
import { nameStored } from './stored-name.ts';

export const versions: Command = {
  name: 'versions',
  summary: 'Show the kept versions of modules, and which of them serve',
  positionals: [
    {
      name: 'folder[/module.wasm]',
      isRequired: false,
      summary: 'Only this folder or module: as it is listed, as a path here, or by a host name',
    },
  ],
  flags: [...adminFlags, { name: 'json', summary: 'Print JSON' }],
  readsConfig: true,
  settings: stateSettings,
  notes: [
    'A version marked with * is the one that serves.',
    'Reads the state directory: a daemon may run or not. Host names, and files that were never ' +
      'accepted, only a daemon knows.',
  ],
  async run(given, io) {
    const directories = stateDirectoriesOf(given, io);
    const journal = reportTo(io);
    const daemon = await daemonThatRuns(given, io);
    const asked = await nameOf(given.positionals[0], daemon, io);
    const listed: ListedModule[] = [];
    await using shared = await openShared(given, io);
    const { store } = shared.opened;
    for (const directory of directories) {
      const filter =
        asked === undefined ? undefined : await nameStored(asked, { directory, io, journal });
      listed.push(...(await listVersions(directory, filter, journal, store)));
    }
    if (daemon !== undefined) listed.push(...(await listNeverAccepted(daemon, directories, asked)));
    if (given.has('json')) io.write(`${JSON.stringify(listed, undefined, 2)}\n`);
    else io.write(listed.map(describeListed).join('\n'));
    if (listed.length > 0) return 0;
    const what = asked === undefined ? '' : ` of ${asked}`;
    const none = `There are no kept versions${what} in ${directories.join(', ')}`;
    io.report(`${none}; why a file was refused tells terrafirma doctor`);
    return asked === undefined ? 0 : 1;
  },
};

/** What is meant, where a daemon knows it: a host name, a path, another spelling. */
async function nameOf(
  asked: string | undefined,
  daemon: Connection | undefined,
  io: CommandIo,
): Promise<string | undefined> {
  if (asked === undefined || daemon === undefined) return asked;
  const { folder, module } = await splitSubject(asked, daemon, io.machine.workingDirectory);
  if (!folder.startsWith('/')) return asked;
  return module === undefined ? folder : `${folder}/${module}`;
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
    const line = `  ${mark} ${version.digest}  ${accepted}  ${version.abi}  ${version.bytes} bytes`;
    const { isQuarantined, unoptimised } = version;
    return [
      isQuarantined ? `${line}  quarantined` : line,
      ...(unoptimised === undefined ? [] : [`      runs slowly: ${unoptimised}`]),
    ].join('\n');
  });
  return `${[
    notes.length === 0 ? title : `${title} (${notes.join(', ')})`,
    ...lines,
    ...(module.refusal === undefined ? [] : [`    the file as it is now: ${module.refusal}`]),
  ].join('\n')}\n`;
}
