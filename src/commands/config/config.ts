/** `terrafirma config`: what is in force, and where each value came from; or whether it is good. */
import { loadConfig } from '../../config/load.ts';
import { printJson, printToml } from '../../config/print.ts';
import type { LoadedConfig } from '../../config/resolve.ts';
import { allSettings } from '../../config/schema.ts';
import { suggestion } from '../../config/suggest.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Arguments, Command, CommandIo, ExitCode } from '../command.ts';
import { folderFlag, requireDirectory } from '../serve.ts';
import { findConfigFaults } from './check.ts';

const checkVerb = 'check';

export const config: Command = {
  name: 'config',
  summary: 'Show the configuration in force and where each value came from, or check it',
  positionals: [
    {
      name: checkVerb,
      isRequired: false,
      summary: 'Show nothing: say whether the daemon could start with it (a folder: ./check)',
    },
    { name: 'folder', isRequired: false, summary: 'As "terrafirma serve" would be given it' },
  ],
  flags: [{ name: 'json', summary: 'Print JSON instead of TOML' }],
  readsConfig: true,
  settings: allSettings,
  notes: [
    'Takes the flags of "terrafirma serve". What it prints as TOML can be used as the ' +
      'configuration file.',
    'Exits with 2 when anything is wrong, naming the line, variable or flag at fault.',
  ],
  async run(given, io) {
    const isCheck = given.positionals[0] === checkVerb;
    const loaded = loadConfig({
      flags: [...given.settings, ...folderFlag(readFolder(given, isCheck))],
      machine: io.machine,
      configFile: given.configFile,
    });
    if (isCheck) return check(loaded, io);
    io.write(given.has('json') ? printJson(loaded) : printToml(loaded));
    return 0;
  },
};

/** What follows `check`, or the one argument there is; it must be a directory. */
function readFolder(given: Arguments, isCheck: boolean): string | undefined {
  const [first, second] = given.positionals;
  if (isCheck) return second;
  if (first === undefined) return undefined;
  if (second !== undefined) {
    throw new TerrafirmaError(
      'usage',
      `Cannot run config: there must be "${checkVerb}" and a folder: received "${first}" and ` +
        `"${second}"${suggestion(first, [checkVerb])}; see "terrafirma config --help"`,
    );
  }
  requireDirectory(first, suggestion(first, [checkVerb]));
  return first;
}

function check({ config: loaded, file }: LoadedConfig, io: CommandIo): ExitCode {
  const faults = findConfigFaults(loaded);
  for (const fault of faults) io.report(`Cannot serve with this configuration: ${fault}`);
  if (faults.length > 0) return 2;
  io.write(`The configuration is good (${file ?? 'no file'})\n`);
  return 0;
}
