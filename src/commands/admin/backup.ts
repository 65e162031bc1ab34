/** `terrafirma backup` and `restore`: everything that is kept, copied while the daemon runs. */
import path from 'node:path';
import { counted } from '../../amounts.ts';
import { loadConfig } from '../../config/load.ts';
import { formatBytes } from '../../journal/readable-lines.ts';
import { restore as restoreState } from '../../outside/state/backup.ts';
import type { Command } from '../command.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';

export const backup: Command = {
  name: 'backup',
  summary: 'Copy everything that a running daemon keeps into a new directory',
  positionals: [{ name: 'directory', isRequired: true, summary: 'A new one, on this machine' }],
  flags: [...adminFlags, { name: 'json', summary: 'Print JSON' }],
  readsConfig: true,
  settings: adminSettings,
  notes: [
    'Key-value data, certificates, rollbacks, bans, keys and kept versions, as they are at one ' +
      'moment, with a digest of each file. Holds secrets: keep it as you keep those.',
    adminNote,
  ],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    const directory = path.resolve(io.machine.workingDirectory, given.positionals[0] ?? '');
    const told = await daemon.change('POST', '/v1/backup', { directory });
    if (given.has('json')) io.write(`${JSON.stringify(told, undefined, 2)}\n`);
    else {
      const { bytes, files } = told as { readonly bytes: number; readonly files: number };
      io.write(`${directory}: ${counted(files, 'file')}, ${formatBytes(bytes)}\n`);
    }
    return 0;
  },
};

export const restore: Command = {
  name: 'restore',
  summary: 'Check a backup and copy it into a new state directory',
  positionals: [{ name: 'backup', isRequired: true, summary: 'The directory of the backup' }],
  flags: [{ name: 'json', summary: 'Print JSON' }],
  readsConfig: true,
  settings: adminSettings,
  notes: ['The state directory (--state) must be new or empty. No daemon may use it meanwhile.'],
  async run(given, io) {
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    const from = path.resolve(io.machine.workingDirectory, given.positionals[0] ?? '');
    const told = restoreState(from, config.stateDirectory);
    if (given.has('json')) io.write(`${JSON.stringify(told, undefined, 2)}\n`);
    else
      io.write(`${told.directory}: ${counted(told.files, 'file')}, ${formatBytes(told.bytes)}\n`);
    return 0;
  },
};
