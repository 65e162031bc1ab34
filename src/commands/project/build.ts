/** `terrafirma build`: builds the functions of a project into its site. */

import { loadConfig } from '../../config/load.ts';
import { suggestion } from '../../config/suggest.ts';
import { TerrafirmaError } from '../../errors.ts';
import { formatBytes } from '../../journal/readable-lines.ts';
import type { Command, CommandIo } from '../command.ts';
import { ModuleJudge } from '../inspect/judge.ts';
import { printable } from '../printable.ts';
import { type BuildResult, buildFunction } from './build-function.ts';
import { type Project, type ProjectFunction, readProject } from './project-file.ts';

export const build: Command = {
  name: 'build',
  summary: 'Build the functions of project.toml into its site',
  positionals: [
    { name: 'name', isRequired: false, summary: 'One function alone, such as hello.wasm or hello' },
  ],
  flags: [{ name: 'json', summary: 'Print JSON, one line a function' }],
  // Limits decide whether a module is served.
  readsConfig: true,
  settings: [],
  notes: [
    'Reads project.toml here: site = "site", and for each [[function]] its name (the path in the ' +
      'site), its command (run by the shell), its output (the file that the command writes; ' +
      'default: the name) and what to watch.',
    'What a command has written is judged as the daemon would, and only a good module gets into ' +
      'the site, in one step.',
    'Exits with 0 only when every function was built.',
  ],
  async run(given, io) {
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    const project = readProject(io.machine.workingDirectory);
    const { limits } = config;
    await using judge = new ModuleJudge({ limits });
    const { environment } = io.machine;
    const { moduleBytesMax } = limits;
    const parts = { project, judge, moduleBytesMax, environment, nowMs: () => io.nowMs() };
    let isUsage = false;
    let isGood = true;
    const wanted = chosen(project, given.positionals[0]);
    if (wanted.length === 0 && !given.has('json')) {
      io.write('Nothing to build: project.toml has no [[function]]; the site is files alone\n');
    }
    for (const each of wanted) {
      const isJson = given.has('json');
      // What the compiler says is shown only when it fails, and it may take minutes.
      if (!isJson) io.report(printable(`${each.name}  building: ${each.command}`));
      const result = await buildFunction(each, parts);
      tell(each, result, { io, isJson });
      if (result.kind === 'built') continue;
      isGood = false;
      isUsage ||= result.isUsage;
    }
    if (isGood) return 0;
    return isUsage ? 2 : 1;
  },
};

/** @throws TerrafirmaError `usage` */
function chosen({ functions }: Project, name: string | undefined): readonly ProjectFunction[] {
  if (name === undefined) return functions;
  const found = functions.filter((each) => each.name === name || each.name === `${name}.wasm`);
  if (found.length > 0) return found;
  const meant = suggestion(
    name,
    functions.map((each) => each.name),
  );
  throw new TerrafirmaError(
    'usage',
    `Cannot build: the name must be one of project.toml: received "${name}"${meant}`,
  );
}

function tell(
  { name }: ProjectFunction,
  result: BuildResult,
  { io, isJson }: { readonly io: CommandIo; readonly isJson: boolean },
): void {
  if (isJson) io.write(`${JSON.stringify({ schemaVersion: 1, name, ...result })}\n`);
  else if (result.kind === 'built') io.write(`${describeBuilt(name, result)}\n`);
  else {
    // As the compiler wrote it, with its colours.
    if (result.output !== '') io.report(result.output.trimEnd());
    io.report(printable(result.reason));
  }
}

/** `hello.wasm  built 1.2 s  accepted  78 KiB` */
export function describeBuilt(
  name: string,
  { bytes, ms }: Extract<BuildResult, { kind: 'built' }>,
): string {
  return `${name}  built ${(ms / 1_000).toFixed(1)} s  accepted  ${formatBytes(bytes)}`;
}
