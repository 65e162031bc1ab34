/** `terrafirma new`: begins a project from a template. Touches the new directory alone. */
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suggestion } from '../../config/suggest.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Command, CommandIo } from '../command.ts';
import { filesOf } from './new-files.ts';
import { type Template, templates } from './templates.ts';

/** Beside `src/` in a checkout, beside `dist/` in a package. */
const examplesDirectory = path.join(import.meta.dirname, '..', '..', '..', 'examples');

export const newProject: Command = {
  name: 'new',
  summary: 'Begin a project of functions from a template',
  positionals: [
    { name: 'name', isRequired: false, summary: 'The directory to make; . is this one' },
  ],
  flags: [
    { name: 'template', short: 't', placeholder: 'id', summary: 'One of --list; default: rust' },
    { name: 'list', summary: 'Show the templates' },
    { name: 'json', summary: 'Print JSON' },
  ],
  readsConfig: false,
  settings: [],
  notes: [
    'Writes the sources, a project.toml for "terrafirma build" and "terrafirma dev", and ' +
      'site/index.html. Nothing is downloaded, and no file that is there is written over.',
  ],
  async run(given, io) {
    if (given.has('list')) {
      list(io, given.has('json'));
      return 0;
    }
    const template = chosen(given.value('template') ?? 'rust');
    const directory = path.resolve(io.machine.workingDirectory, nameOf(given.positionals[0]));
    const files = await writeProject(directory, template);
    const from = path.relative(io.machine.workingDirectory, directory);
    const next = nextStep(from, template);
    const told = { schemaVersion: 1, directory, template: template.id, files, next };
    io.write(
      given.has('json')
        ? `${JSON.stringify(told)}\n`
        : `${files.map((file) => path.join(from, file)).join('\n')}\nNext: ${next}\n`,
    );
    return 0;
  },
};

/**
 * Files are not strewn over whatever directory somebody happens to stand in.
 *
 * @throws TerrafirmaError `usage`
 */
function nameOf(name: string | undefined): string {
  if (name !== undefined && name !== '') return name;
  const rule = 'its directory must be named, such as "terrafirma new hello", or . for this one';
  throw new TerrafirmaError('usage', `Cannot begin a project: ${rule}: received none`);
}

function list(io: CommandIo, isJson: boolean): void {
  const rows = templates.map(({ id, summary }) => ({ id, summary }));
  if (isJson) io.write(`${JSON.stringify({ schemaVersion: 1, templates: rows })}\n`);
  else io.write(rows.map(({ id, summary }) => `${id.padEnd(26)}${summary}\n`).join(''));
}

function nextStep(from: string, { getTools, packages }: Template): string {
  const steps = [
    ...(from === '' ? [] : [`cd ${from}`]),
    ...(packages === undefined ? [] : ['npm install']),
    ...(getTools === undefined ? [] : [getTools]),
    'terrafirma dev',
  ];
  return steps.join(' && ');
}

/** @throws TerrafirmaError `usage` */
function chosen(id: string): Template {
  const found = templates.find((template) => template.id === id);
  if (found !== undefined) return found;
  const ids = templates.map((template) => template.id);
  throw new TerrafirmaError(
    'usage',
    `Cannot begin a project: the template must be one of ${ids.join(', ')}: ` +
      `received "${id}"${suggestion(id, ids)}`,
  );
}

/** @returns what was written, relative to the directory. */
async function writeProject(directory: string, template: Template): Promise<readonly string[]> {
  const files = filesOf(path.basename(directory), template);
  const sources = template.sources.map((source) => {
    const from = typeof source === 'string' ? source : source.from;
    const to = typeof source === 'string' ? `src/${path.posix.basename(source)}` : source.to;
    return { path: to, from: path.join(examplesDirectory, from) };
  });
  const all = [...files, ...sources].map((file) => file.path);
  // All are looked at first: half a project would be in the way of the next try.
  const taken = all.find((file) => existsSync(path.join(directory, file)));
  if (taken !== undefined) throw refuse(path.join(directory, taken), 'one');
  try {
    for (const file of files) {
      const target = path.join(directory, file.path);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, file.text, { flag: 'wx' });
    }
    for (const source of sources) {
      const target = path.join(directory, source.path);
      await mkdir(path.dirname(target), { recursive: true });
      await copyFile(source.from, target, constants.COPYFILE_EXCL);
    }
  } catch (error) {
    const { code, path: at } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw refuse(at ?? directory, code);
  }
  return all;
}

function refuse(file: string, received: string): TerrafirmaError {
  return new TerrafirmaError(
    'usage',
    `Cannot begin a project: there must be no file and room for one at ${file}: ` +
      `received ${received}`,
  );
}
