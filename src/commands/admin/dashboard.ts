/** `terrafirma dashboard`: opens the dashboard of a running daemon for a browser here. */
import { TerrafirmaError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { printable } from '../printable.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';

export const dashboard: Command = {
  name: 'dashboard',
  summary: 'Open the dashboard of a running daemon; prints a link that signs in one browser',
  positionals: [],
  flags: [
    ...adminFlags,
    { name: 'port', placeholder: 'number', summary: 'Where, on 127.0.0.1; default: a free one' },
    { name: 'json', summary: 'Print JSON' },
  ],
  readsConfig: true,
  settings: adminSettings,
  notes: [
    'The link holds for ten minutes and for one browser, which is then signed in for eight ' +
      'hours; so long is the address open.',
    'From another machine: ssh -L 9101:/run/terrafirma/admin.sock HOST, then open ' +
      'http://localhost:9101/; whoever may use the socket needs no link.',
    adminNote,
  ],
  async run(given, io) {
    const port = readPort(given.value('port'));
    const daemon = await findDaemon(given, io);
    const told = await daemon.change('POST', '/v1/dashboard', port === undefined ? {} : { port });
    if (given.has('json')) io.write(`${JSON.stringify(told, undefined, 2)}\n`);
    else {
      io.write(`${printable(String(told.url))}\n`);
      io.report(`Open it in a browser of this machine. The address is open until ${told.until}`);
    }
    return 0;
  },
};

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new TerrafirmaError(
    'usage',
    `Cannot open the dashboard: --port must be from 1 to 65535: received ${printable(text)}`,
  );
}
