/** What the system keeps from us: one sentence and exit code 2, never the frames of a stack. */
import { chmodSync, mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TestFolder } from '../support/folder.ts';
import { runProgram } from './program.ts';

/** root may read everything, so the program runs as `nobody` then. */
const NOBODY = 65_534;
const uid = process.getuid?.() === 0 ? NOBODY : undefined;
const asStranger = uid === undefined ? {} : { uid };
const probe = await runProgram(['--version'], asStranger).catch(() => undefined);

interface Row {
  readonly name: string;
  readonly argv: (folder: TestFolder) => readonly string[];
  readonly environment?: (folder: TestFolder) => Record<string, string>;
  readonly message: RegExp;
}

const rows: readonly Row[] = [
  {
    name: 'the home of another user',
    argv: (folder) => ['serve', folder.directory],
    environment: (folder) => ({ HOME: folder.path('closed') }),
    message: /^Cannot look for a configuration: \S+ must be readable.*EACCES.*--config\n$/,
  },
  {
    name: 'a state directory of another user',
    argv: (folder) => ['serve', folder.directory, '--state', folder.path('closed')],
    message: /^Cannot use the state directory: .*--state\n$/,
  },
  {
    name: 'a state directory below one of another user',
    argv: (folder) => ['serve', folder.directory, '--state', folder.path('closed/below')],
    message: /^Cannot use the state directory: .*EACCES.*--state\n$/,
  },
  {
    name: 'versions in a state directory of another user',
    argv: (folder) => ['versions', '/keybase/public/a', '--state', folder.path('closed')],
    message: /^Cannot run: the user who runs this must be allowed to use \S+: EACCES[^\n]*\n$/,
  },
  {
    name: 'a folder in a directory of another user',
    argv: (folder) => ['serve', folder.path('closed/site')],
    message: /^Cannot run: the user who runs this must be allowed to use \S+: EACCES[^\n]*\n$/,
  },
];

test.skipIf(probe?.code !== 0).each(rows)(
  '$name is one sentence, and 2 (skipped where nobody cannot read the program)',
  async ({ argv, environment, message }) => {
    using folder = new TestFolder();
    mkdirSync(folder.path('closed'));
    chmodSync(folder.directory, 0o755);
    chmodSync(folder.path('closed'), uid === undefined ? 0o000 : 0o700);
    const end = await runProgram(argv(folder), {
      ...asStranger,
      environment: environment?.(folder) ?? {},
    });
    chmodSync(folder.path('closed'), 0o700);
    expect(end.stderr).toMatch(message);
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code: 2, stdout: '' });
  },
);
