/**
 * `project.toml`: what a person who develops functions says of their project: where the site is,
 * and how each function is built. Read by `terrafirma build` and `dev`; the daemon never reads it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { inBytes } from '../../amounts.ts';
import { lineOf, scanTomlLines } from '../../config/toml-lines.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type Place, SettingsFault, tellFaults } from '../../site/settings/fault.ts';
import { type Kind, modulePath, text, turned } from '../../site/settings/kinds.ts';
import { listOf, maybe, needed, record } from '../../site/settings/tables.ts';

export const projectName = 'project.toml';

/** One function of a project. Paths are absolute. */
export interface ProjectFunction {
  /** The path of its module in the site: `hello.wasm`. */
  readonly name: string;
  /** A line for the shell, run in the directory of the project. */
  readonly command: string;
  /** The file that the command writes. */
  readonly output: string;
  /** Files and directories that it is built from. */
  readonly watch: readonly string[];
}

export interface Project {
  /** Absolute. */
  readonly directory: string;
  /** The folder that is served. Absolute. */
  readonly site: string;
  readonly functions: readonly ProjectFunction[];
}

const fileBytesMax = 256 * 1024;
const functionsMax = 256;
const pathBytesMax = 1_024;

/** A path within the project: whoever takes a project from elsewhere does not expect more. */
const insidePath: Kind<string> = turned(
  text({ bytesMax: pathBytesMax, rule: 'must be a path within the project' }),
  (value: string, place: Place) => {
    const normal = path.posix.normalize(value);
    const isOutside = path.isAbsolute(value) || normal === '..' || normal.startsWith('../');
    if (value !== '' && !isOutside) return normal;
    throw new SettingsFault(place, 'a path must be within the project', JSON.stringify(value));
  },
);

const projectKind = record({
  site: maybe(insidePath, 'The folder that is served; default: site'),
  functions: maybe(
    listOf(
      record({
        name: needed(modulePath, 'The path of the module in the site'),
        command: needed(
          text({ bytesMax: 16 * 1024, rule: 'must be a command for the shell' }),
          'What builds it, run in the directory of this file',
        ),
        output: maybe(insidePath, 'The file that the command writes; default: the name'),
        watch: maybe(
          listOf(insidePath, { max: 64, what: 'paths' }),
          'What it is built from; default: everything but the site',
        ),
      }),
      { max: functionsMax, what: 'functions' },
    ),
    'The functions',
    'function',
  ),
});

/**
 * Reads the `project.toml` of `directory`.
 *
 * @throws TerrafirmaError `usage`, naming file and line.
 */
export function readProject(directory: string): Project {
  const file = path.join(directory, projectName);
  const source = readText(file);
  const { site = 'site', functions = [] } = withLine(source, () =>
    projectKind.read(parseToml(source), []),
  );
  const names = new Set(functions.map(({ name }) => name));
  if (names.size < functions.length) {
    throw wrong(': each [[function]] must have a name of its own: received one twice');
  }
  const inside = (name: string): string => path.join(directory, name);
  const siteDirectory = inside(site);
  for (const { name, output = name } of functions) requireOutside(inside(output), siteDirectory);
  return {
    directory,
    site: siteDirectory,
    functions: functions.map(({ name, command, output = name, watch = ['.'] }) => ({
      ...{ name, command, output: inside(output), watch: watch.map(inside) },
    })),
  };
}

/** A half-written module would be published, and each build would start the next. */
function requireOutside(output: string, site: string): void {
  if (!`${output}${path.sep}`.startsWith(`${site}${path.sep}`)) return;
  const rule =
    'the output of a command must not be in the site: it is copied there once it is good';
  throw wrong(`: ${rule}: received ${output}`);
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    const hint = code === 'ENOENT' ? '; "terrafirma new" makes a project' : '';
    throw wrong(`: it must be readable: received ${code} at ${file}${hint}`);
  }
  if (bytes.length <= fileBytesMax) return bytes.toString('utf8');
  throw wrong(`: it must have at most ${inBytes(fileBytesMax)}: received ${bytes.length}`);
}

function parseToml(source: string): Record<string, unknown> {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ''] = error.message.split('\n');
    throw wrong(`:${error.line}: it must be TOML: ${reason}`);
  }
}

function withLine<T>(source: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingsFault)) throw error;
    const lines = scanTomlLines(source);
    const told = tellFaults(error, projectName, (place) => lineOf(lines, place));
    throw new TerrafirmaError('usage', `Cannot read ${told}`);
  }
}

function wrong(rest: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot read ${projectName}${rest}`);
}
