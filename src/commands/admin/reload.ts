/** `terrafirma reload`: a running daemon reads its configuration again. */
import type { Command } from '../command.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';

export const reload: Command = {
  name: 'reload',
  summary: 'Have a running daemon read its configuration again',
  positionals: [],
  flags: [...adminFlags, { name: 'json', summary: 'Print JSON' }],
  readsConfig: true,
  settings: adminSettings,
  notes: ['A mistake changes nothing, and is told with its line.', adminNote],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    const told = await daemon.change('POST', '/v1/reload', {});
    if (given.has('json')) {
      io.write(`${JSON.stringify({ ...told, daemon: daemon.name }, undefined, 2)}\n`);
      return 0;
    }
    const { configFile } = await daemon.json('/v1/status');
    const file = configFile === null ? 'has no configuration file' : `has read ${configFile}`;
    io.write(`The daemon at ${daemon.name} ${file}\n`);
    const changed = told.changed as readonly string[];
    const needRestart = told.needRestart as readonly string[];
    if (changed.length > 0) io.write(`In force now: ${changed.join(', ')}\n`);
    if (needRestart.length > 0) io.write(`Needs a restart: ${needRestart.join(', ')}\n`);
    if (changed.length + needRestart.length === 0) io.write('Nothing has changed\n');
    return 0;
  },
};
