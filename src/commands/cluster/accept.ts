/** `terrafirma accept`: what this node's copy of a folder shows is published, though older. */
import { TerrafirmaError } from '../../errors.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from '../admin/find-daemon.ts';
import { splitSubject } from '../admin/subject.ts';
import type { Command } from '../command.ts';

export const accept: Command = {
  name: 'accept',
  summary: 'Publish what this node shows, though other nodes have something newer',
  positionals: [
    {
      name: 'folder/file',
      isRequired: true,
      summary: 'A module, or .kbp_config or terrafirma.toml of the folder',
    },
  ],
  flags: adminFlags,
  readsConfig: true,
  settings: adminSettings,
  notes: [
    'Of several nodes, a file that is older than what serves is held back: perhaps its copy is ' +
      'only late. "terrafirma versions" and the log name it. To touch the file does the same.',
    'A file that is not there is deleted on all nodes.',
    adminNote,
  ],
  async run(given, io) {
    const [asked = ''] = given.positionals;
    const daemon = await findDaemon(given, io);
    const { folder, module } = await splitSubject(asked, daemon, io.machine.workingDirectory);
    if (module === undefined) {
      const rule = 'it takes a file of a folder in use, such as /keybase/public/you/app.wasm';
      throw new TerrafirmaError('usage', `Cannot accept: ${rule}: received "${asked}"`);
    }
    const path = `/v1/folders/${encodeURIComponent(folder)}/modules/${encodeURIComponent(module)}`;
    await daemon.change('POST', `${path}/accept`, {});
    io.write(`${folder}/${module} is published as this node's copy shows it\n`);
    return 0;
  },
};
