/** `terrafirma sign-in`: writes the file by which an owner signs in to his site's dashboard. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { TerrafirmaError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { printable } from '../printable.ts';

const codePattern = /^[0-9a-hjkmnp-tv-z]{20}$/;

export const signIn: Command = {
  name: 'sign-in',
  summary: 'Sign a browser in to the dashboard of a site whose folder is here',
  positionals: [
    { name: 'code', isRequired: true, summary: 'As the page shows it' },
    {
      name: 'folder',
      isRequired: false,
      summary: "The site's folder here; default: where you are",
    },
  ],
  flags: [],
  readsConfig: false,
  settings: [],
  notes: [
    'Whoever’s browser shows the code then controls the site: do it only for a code you asked for.',
  ],
  async run({ positionals: [given = '', folder = '.'] }, io) {
    const code = given.toLowerCase();
    if (!codePattern.test(code)) {
      const rule = 'the code must be the 20 letters and digits that the page shows';
      throw new TerrafirmaError('usage', `Cannot sign in: ${rule}: received ${printable(given)}`);
    }
    const directory = path.resolve(io.machine.workingDirectory, folder);
    requireDirectory(directory);
    const file = path.join(directory, '.terrafirma', 'sign-in', code);
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, '');
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TerrafirmaError('usage', `Cannot sign in: ${reason}`, { cause });
    }
    io.write(`${printable(file)} is written: the browser that shows the code is signed in soon\n`);
    return 0;
  },
};

function requireDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const rule = 'the folder must be there';
  throw new TerrafirmaError('usage', `Cannot sign in: ${rule}: received ${printable(directory)}`);
}
