/** `terrafirma rollback`: an accepted version of a module serves again. */
import { listVersions, rollBack } from '../../deploy/keep/versions.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Connection } from '../admin/connection.ts';
import { adminFlags, adminNote, daemonThatRuns } from '../admin/find-daemon.ts';
import { splitSubject } from '../admin/subject.ts';
import type { Arguments, Command, CommandIo, ExitCode } from '../command.ts';
import { openShared } from './shared.ts';
import { reportTo, stateDirectoriesOf, stateSettings } from './states.ts';
import { nameStored } from './stored-name.ts';

export const rollback: Command = {
  name: 'rollback',
  summary: 'Let a kept version of a module serve again',
  positionals: [
    {
      name: 'folder/module.wasm',
      isRequired: true,
      summary: 'The module: as it is listed, as a path here, or below a host name of the folder',
    },
    {
      name: 'digest',
      isRequired: false,
      summary:
        'The version: its digest, or the first 8 or more digits of it; left out: the one that ' +
        'was accepted before the one that serves',
    },
  ],
  flags: [
    ...adminFlags,
    { name: 'undo', summary: 'End the rollback: the newest accepted version serves' },
  ],
  readsConfig: true,
  settings: stateSettings,
  notes: [
    'The version serves until the content of the file becomes something else than it is now. ' +
      'Rolling back to the newest version ends a rollback, as --undo does.',
    'With a daemon that runs it holds before the command ends; without one, from the next start.',
    adminNote,
  ],
  async run(given, io) {
    const [asked = '', digestStart] = given.positionals;
    const wanted = given.has('undo') ? 'newest' : digestStart;
    if (given.has('undo') && digestStart !== undefined) {
      const rule = '--undo takes no digest: it ends the rollback';
      throw new TerrafirmaError('usage', `Cannot roll back: ${rule}: received ${digestStart}`);
    }
    const daemon = await daemonThatRuns(given, io);
    const done = daemon && (await rollBackByDaemon(daemon, asked, wanted, io));
    return done ?? (await rollBackInState(given, io, asked, wanted));
  },
};

interface ToldModule {
  readonly versions: readonly { readonly digest: string; readonly isServing: boolean }[];
}

/** Undefined where the daemon has no such folder in use: perhaps it is another one's. */
async function rollBackByDaemon(
  daemon: Connection,
  asked: string,
  wanted: string | undefined,
  io: CommandIo,
): Promise<ExitCode | undefined> {
  const { folder, module } = await splitSubject(asked, daemon, io.machine.workingDirectory);
  if (module === undefined) return undefined;
  const name = `${folder}/${module}`;
  const path = `/v1/folders/${encodeURIComponent(folder)}/modules/${encodeURIComponent(module)}`;
  let told: ToldModule;
  try {
    told = (await daemon.json(path)).module as ToldModule;
  } catch (error) {
    if (error instanceof TerrafirmaError && error.code === 'refused') return undefined;
    throw error;
  }
  const digest = wanted ?? versionBefore(told.versions, name);
  const answer =
    digest === 'newest'
      ? await daemon.change('DELETE', `${path}/rollback`, {})
      : await daemon.change('POST', `${path}/rollback`, { digest });
  io.write(`${name} serves ${String(answer.digest)}\n`);
  return 0;
}

async function rollBackInState(
  given: Arguments,
  io: CommandIo,
  asked: string,
  wanted: string | undefined,
): Promise<ExitCode> {
  const journal = reportTo(io);
  const { directory, name } = await findModule(asked, stateDirectoriesOf(given, io), io);
  await using shared = await openShared(given, io);
  const { store } = shared.opened;
  const [module] = wanted === undefined ? await listVersions(directory, name, journal, store) : [];
  const digestStart = wanted ?? versionBefore(module?.versions ?? [], name);
  const version = await rollBack(directory, { name, digestStart, ...shared.opened }, journal);
  io.write(`${name} serves ${version.digest}\n`);
  return 0;
}

/** @param versions The newest first. @throws TerrafirmaError `usage`. */
function versionBefore(versions: ToldModule['versions'], name: string): string {
  const serving = versions.findIndex(({ isServing }) => isServing);
  const before = versions[serving + 1];
  if (before !== undefined) return before.digest;
  const rule =
    versions.length === 0
      ? 'versions of it must be kept, see "terrafirma versions" for names; a host name leads to ' +
        'them from its first visitor on'
      : 'there must be a version that was accepted before, see "terrafirma versions"';
  throw new TerrafirmaError('usage', `Cannot roll back: ${rule}: received ${name}`);
}

/** The state directory that has the module, and what it is called there; else the first one. */
async function findModule(
  asked: string,
  directories: readonly string[],
  io: CommandIo,
): Promise<{ readonly directory: string; readonly name: string }> {
  const journal = reportTo(io);
  let first: { readonly directory: string; readonly name: string } | undefined;
  for (const directory of directories) {
    const name = await nameStored(asked, { directory, io, journal });
    const listed = await listVersions(directory, name, journal);
    if (listed.length > 0) return { directory, name };
    first ??= { directory, name };
  }
  return first ?? { directory: '', name: asked };
}
